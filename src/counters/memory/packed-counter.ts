import type { Counter } from '../../domain/counting/counter.ts';
import type { CounterSpec } from '../../domain/counting/counter-spec.ts';
import { type HitLog, MAX_HIT_LOG_ENTRIES, subBucketOf } from '../../domain/counting/hit-log.ts';

/*
 * A counter as bytes. Whole numbers, big-endian.
 *
 *   1      form: 128 if blocked, plus 8 if by hand; plus 64 for a bucket, else bytes of a count, plus 16 or 32 for times
 *          of 4 or 7 bytes
 *   7      blocked until, only if blocked
 * bucket:
 *   7, 7   seen, debt
 * tally:
 *   7      base: the first end; then its hits:
 *          without times: a count for each sub-bucket from base on
 *          with times: for each end its µs after base and a count; with 0 bytes of a count it is 1
 */
const BLOCKED = 128;
const BUCKET = 64;
const HELD = 8;
const TIME_STEP = 16;
const TIME = 7;
const SHORT_TIME = 4;
/** By time form. */
const TIME_BYTES = [0, SHORT_TIME, TIME] as const;

/** A blocked tally of as many exact times as there can be, with the largest counts. */
export const LONGEST_PACKED = 1 + TIME + TIME + MAX_HIT_LOG_ENTRIES * (TIME + 6);

/** Writes the counter at `start` and returns where it ends. */
export function packCounter(bytes: Uint8Array, start: number, counter: Counter, term: CounterSpec): number {
  let at = start + 1;
  const isBlocked = counter.blockedUntil > 0;
  if (isBlocked) at = write(bytes, at, TIME, counter.blockedUntil);
  const blocked = isBlocked ? BLOCKED + (counter.isHeld ? HELD : 0) : 0;
  if (term.kind === 'rate') {
    bytes[start] = blocked + BUCKET;
    return write(bytes, write(bytes, at, TIME, counter.bucket.seen), TIME, counter.bucket.debt);
  }
  const { tally } = counter;
  const timeForm = timeFormOf(term, tally.unit);
  const countBytes = countBytesOf(tally.hits, timeForm === 0);
  bytes[start] = blocked + TIME_STEP * timeForm + countBytes;
  at = write(bytes, at, TIME, tally.ends[0] ?? 0);
  return timeForm === 0
    ? writeSubBuckets(bytes, at, countBytes, tally)
    : writeTimes(bytes, at, TIME_BYTES[timeForm], countBytes, tally);
}

/** Reads the counter that stands from `start` to `end` into `counter`. */
export function unpackCounter(
  bytes: Uint8Array,
  start: number,
  end: number,
  term: CounterSpec,
  counter: Counter,
): void {
  const form = bytes[start] ?? 0;
  const isBlocked = form >= BLOCKED;
  counter.blockedUntil = isBlocked ? read(bytes, start + 1, TIME) : 0;
  counter.isHeld = (form & HELD) !== 0;
  const at = start + (isBlocked ? 1 + TIME : 1);
  if (term.kind === 'rate') {
    counter.bucket.seen = read(bytes, at, TIME);
    counter.bucket.debt = read(bytes, at + TIME, TIME);
    return;
  }
  const { tally } = counter;
  const countBytes = form % HELD;
  const timeForm = Math.floor((form % BUCKET) / TIME_STEP);
  tally.unit = timeForm === 0 ? subBucketOf(term) : 1;
  tally.total = 0;
  const entries =
    timeForm === 0
      ? readSubBuckets(bytes, at, end, countBytes, tally)
      : readTimes(bytes, at, end, TIME_BYTES[timeForm] ?? TIME, countBytes, tally);
  tally.ends.length = entries;
  tally.hits.length = entries;
}

function writeSubBuckets(bytes: Uint8Array, start: number, countBytes: number, { ends, hits, unit }: HitLog): number {
  let at = start;
  let next = ends[0] ?? 0;
  for (let place = 0; place < ends.length; place++) {
    const end = ends[place] ?? 0;
    for (; next < end; next += unit) at = write(bytes, at, countBytes, 0);
    at = write(bytes, at, countBytes, hits[place] ?? 0);
    next += unit;
  }
  return at;
}

function readSubBuckets(bytes: Uint8Array, start: number, to: number, countBytes: number, tally: HitLog): number {
  let end = read(bytes, start, TIME);
  let entries = 0;
  for (let at = start + TIME; at < to; at += countBytes) {
    const hits = read(bytes, at, countBytes);
    if (hits > 0) {
      tally.ends[entries] = end;
      tally.hits[entries++] = hits;
      tally.total += hits;
    }
    end += tally.unit;
  }
  return entries;
}

function writeTimes(
  bytes: Uint8Array,
  start: number,
  width: number,
  countBytes: number,
  { ends, hits }: HitLog,
): number {
  const base = ends[0] ?? 0;
  let at = start;
  for (let place = 0; place < ends.length; place++) {
    at = write(bytes, at, width, (ends[place] ?? 0) - base);
    at = write(bytes, at, countBytes, hits[place] ?? 0);
  }
  return at;
}

function readTimes(
  bytes: Uint8Array,
  start: number,
  to: number,
  width: number,
  countBytes: number,
  tally: HitLog,
): number {
  const base = read(bytes, start, TIME);
  let entries = 0;
  for (let at = start + TIME; at < to; entries++) {
    tally.ends[entries] = base + read(bytes, at, width);
    at += width;
    const hits = countBytes === 0 ? 1 : read(bytes, at, countBytes);
    tally.hits[entries] = hits;
    tally.total += hits;
    at += countBytes;
  }
  return entries;
}

function timeFormOf(term: CounterSpec, unit: number): 0 | 1 | 2 {
  if (unit > 1) return 0;
  // With room for the eighth by which a counter may be ahead of the clock.
  return term.kind === 'span' && term.life + term.life / 4 < 2 ** 32 ? 1 : 2;
}

function countBytesOf(hits: readonly number[], isSubBuckets: boolean): number {
  let most = 1;
  for (let place = 0; place < hits.length; place++) if ((hits[place] ?? 0) > most) most = hits[place] ?? 0;
  if (most === 1 && !isSubBuckets) return 0;
  if (most < 256) return 1;
  if (most < 65_536) return 2;
  return most < 2 ** 32 ? 4 : 6;
}

function write(bytes: Uint8Array, at: number, width: number, value: number): number {
  const low = value >>> 0;
  let rest = low;
  let place = at + width - 1;
  for (const fifth = place - 4; place >= at && place > fifth; place--) {
    bytes[place] = rest;
    rest >>>= 8;
  }
  for (rest = (value - low) / 2 ** 32; place >= at; place--) {
    bytes[place] = rest;
    rest >>>= 8;
  }
  return at + width;
}

function read(bytes: Uint8Array, at: number, width: number): number {
  const middle = at + width - 4;
  let place = at;
  let high = 0;
  for (; place < middle; place++) high = (high << 8) | (bytes[place] ?? 0);
  let low = 0;
  for (; place < at + width; place++) low = (low << 8) | (bytes[place] ?? 0);
  return high * 2 ** 32 + (low >>> 0);
}
