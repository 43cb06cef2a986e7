import type { Counter } from '../core/counter.ts';
import { MOST_ENDS, subBucketOf, type Tally } from '../core/tally.ts';
import type { Term } from '../core/term.ts';

/*
 * A counter as bytes, in memory; small before all. Redis' have another form, made to be written over in place
 * (redis/value-lua.ts). Whole numbers, big-endian.
 *
 *   1        form: 128 if blocked, plus 64 for a bucket, else 5 × time form + count form
 *   7        blocked until, only if blocked
 * bucket:
 *   7, 7     seen, debt
 * tally:
 *   7, 6     base, total; then for each end, ascending:
 *   1, 4, 7  by time form: end - base, with one byte in units of a sub-bucket, else in µs
 *   0…6      by count form: hits; with none it is 1
 */
const BLOCKED = 128;
const BUCKET = 64;
const TIME_BYTES = [1, 4, 7] as const;
const COUNT_BYTES = [0, 1, 2, 4, 6] as const;
const TIME = 7;
const TOTAL = 6;

/** A blocked tally of as many exact times as there can be, with the largest counts. */
export const LONGEST_PACKED = 1 + TIME + TIME + TOTAL + MOST_ENDS * (TIME + 6);

/** Writes the counter at `start` and returns where it ends. */
export function packCounter(bytes: Uint8Array, start: number, counter: Counter, term: Term): number {
  let at = start + 1;
  if (counter.blockedUntil > 0) at = write(bytes, at, TIME, counter.blockedUntil);
  const blocked = counter.blockedUntil > 0 ? BLOCKED : 0;
  if (term.kind === 'rate') {
    bytes[start] = blocked + BUCKET;
    return write(bytes, write(bytes, at, TIME, counter.bucket.seen), TIME, counter.bucket.debt);
  }
  const { ends, hits, total, unit } = counter.tally;
  const timeForm = timeFormOf(term, unit);
  const countForm = countFormOf(hits);
  bytes[start] = blocked + COUNT_BYTES.length * timeForm + countForm;
  const base = ends[0] ?? 0;
  at = write(bytes, write(bytes, at, TIME, base), TOTAL, total);
  const timeBytes = TIME_BYTES[timeForm] ?? TIME;
  const countBytes = COUNT_BYTES[countForm] ?? 0;
  for (let place = 0; place < ends.length; place++) {
    at = write(bytes, at, timeBytes, ((ends[place] ?? 0) - base) / (timeForm === 0 ? unit : 1));
    at = write(bytes, at, countBytes, hits[place] ?? 0);
  }
  return at;
}

/** Reads the counter that stands from `start` to `end` into `counter`. */
export function unpackCounter(bytes: Uint8Array, start: number, end: number, term: Term, counter: Counter): void {
  const form = bytes[start] ?? 0;
  let at = start + 1;
  counter.blockedUntil = form >= BLOCKED ? read(bytes, at, TIME) : 0;
  if (form >= BLOCKED) at += TIME;
  if ((form & BUCKET) !== 0) {
    counter.bucket.seen = read(bytes, at, TIME);
    counter.bucket.debt = read(bytes, at + TIME, TIME);
    return;
  }
  readTally(bytes, at, end, form & (BUCKET - 1), term.kind === 'rate' ? 1 : subBucketOf(term), counter.tally);
}

function readTally(bytes: Uint8Array, start: number, end: number, form: number, unit: number, tally: Tally): void {
  const timeBytes = TIME_BYTES[Math.floor(form / COUNT_BYTES.length)] ?? TIME;
  const countBytes = COUNT_BYTES[form % COUNT_BYTES.length] ?? 0;
  tally.unit = timeBytes === 1 ? unit : 1;
  tally.total = read(bytes, start + TIME, TOTAL);
  const base = read(bytes, start, TIME);
  let entries = 0;
  for (let at = start + TIME + TOTAL; at < end; entries++) {
    tally.ends[entries] = base + read(bytes, at, timeBytes) * tally.unit;
    at += timeBytes;
    tally.hits[entries] = countBytes === 0 ? 1 : read(bytes, at, countBytes);
    at += countBytes;
  }
  tally.ends.length = entries;
  tally.hits.length = entries;
}

function timeFormOf(term: Term, unit: number): number {
  if (unit > 1) return 0;
  // With room for the eighth by which a counter may be ahead of the clock.
  return term.kind === 'span' && term.life + term.life / 4 < 2 ** 32 ? 1 : 2;
}

function countFormOf(hits: readonly number[]): number {
  let most = 1;
  for (let place = 0; place < hits.length; place++) if ((hits[place] ?? 0) > most) most = hits[place] ?? 0;
  if (most === 1) return 0;
  if (most < 256) return 1;
  if (most < 65_536) return 2;
  return most < 2 ** 32 ? 3 : 4;
}

function write(bytes: Uint8Array, at: number, width: number, value: number): number {
  let rest = value;
  for (let place = at + width - 1; place >= at; place--) {
    bytes[place] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return at + width;
}

function read(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let place = at; place < at + width; place++) value = value * 256 + (bytes[place] ?? 0);
  return value;
}
