import type { Counter } from '../../domain/counting/counter.ts';
import type { CounterSpec } from '../../domain/counting/counter-spec.ts';
import { type HitLog, MAX_HIT_LOG_ENTRIES, subBucketMicros } from '../../domain/counting/hit-log.ts';

/*
 * A counter in as few bytes as possible. Integers are big-endian.
 *
 *   bytes  content
 *   1      header: 128 if blocked, plus 8 if blocked manually. A token bucket adds 64. A hit log adds the bytes of a
 *          count (0, 1, 2, 4 or 6) and its time form: 0 without times, 16 with times of 4 bytes, 32 with times of 7.
 *   7      blockedUntil; only if blocked
 *
 * Then a token bucket:
 *   7, 7   seen, debt
 *
 * Or credits, with the header of a token bucket:
 *   7, 7   spent, added
 *
 * Or a hit log:
 *   7      base: the first end
 *          without times: a count for each sub-bucket from the base on
 *          with times: for each end its distance from the base in µs, then its count; counts of 0 bytes are all 1
 */
const BLOCKED = 128;
const TOKEN_BUCKET = 64;
const MANUAL_BLOCK = 8;
const TIME_FORM_STEP = 16;
const TIME_BYTES = 7;
const SHORT_TIME_BYTES = 4;
/** Time forms of a hit log, which are also the indexes in BYTES_PER_TIME. */
const SUB_BUCKETS = 0;
const SHORT_TIMES = 1;
const LONG_TIMES = 2;
const BYTES_PER_TIME = [0, SHORT_TIME_BYTES, TIME_BYTES] as const;
const MAX_COUNT_BYTES = 6;

/** Size of a blocked hit log with the largest number of exact times and the largest counts. */
export const MAX_PACKED_BYTES = 1 + TIME_BYTES + TIME_BYTES + MAX_HIT_LOG_ENTRIES * (TIME_BYTES + MAX_COUNT_BYTES);

/** Writes the counter at `start`, in at most MAX_PACKED_BYTES. Returns the offset behind it. */
export function packCounter(bytes: Uint8Array, start: number, counter: Counter, spec: CounterSpec): number {
  let offset = start + 1;
  const isBlocked = counter.blockedUntil > 0;
  if (isBlocked) offset = writeUint(bytes, offset, TIME_BYTES, counter.blockedUntil);
  const blockBits = isBlocked ? BLOCKED + (counter.isBlockedManually ? MANUAL_BLOCK : 0) : 0;
  if (spec.kind === 'token_bucket') {
    bytes[start] = blockBits + TOKEN_BUCKET;
    offset = writeUint(bytes, offset, TIME_BYTES, counter.tokenBucket.refilledAt);
    return writeUint(bytes, offset, TIME_BYTES, counter.tokenBucket.debt);
  }
  if (spec.kind === 'credits') {
    bytes[start] = blockBits + TOKEN_BUCKET;
    offset = writeUint(bytes, offset, TIME_BYTES, counter.spentCredits);
    return writeUint(bytes, offset, TIME_BYTES, counter.addedCredits);
  }
  const { hitLog: log } = counter;
  const timeForm = chooseTimeForm(spec, log.resolutionMicros);
  const countBytes = chooseCountBytes(log.hits, timeForm === SUB_BUCKETS);
  bytes[start] = blockBits + TIME_FORM_STEP * timeForm + countBytes;
  offset = writeUint(bytes, offset, TIME_BYTES, log.ends[0] ?? 0);
  return timeForm === SUB_BUCKETS
    ? writeSubBuckets(bytes, offset, countBytes, log)
    : writeTimes(bytes, offset, BYTES_PER_TIME[timeForm], countBytes, log);
}

/** Reads the counter between the offsets `start` and `end` into `counter`, over everything that its spec uses. */
export function unpackCounter(
  bytes: Uint8Array,
  start: number,
  end: number,
  spec: CounterSpec,
  counter: Counter,
): void {
  const header = bytes[start] ?? 0;
  const isBlocked = header >= BLOCKED;
  counter.blockedUntil = isBlocked ? readUint(bytes, start + 1, TIME_BYTES) : 0;
  counter.isBlockedManually = (header & MANUAL_BLOCK) !== 0;
  const offset = start + (isBlocked ? 1 + TIME_BYTES : 1);
  if (spec.kind === 'token_bucket') {
    counter.tokenBucket.refilledAt = readUint(bytes, offset, TIME_BYTES);
    counter.tokenBucket.debt = readUint(bytes, offset + TIME_BYTES, TIME_BYTES);
    return;
  }
  if (spec.kind === 'credits') {
    counter.spentCredits = readUint(bytes, offset, TIME_BYTES);
    counter.addedCredits = readUint(bytes, offset + TIME_BYTES, TIME_BYTES);
    return;
  }
  const { hitLog: log } = counter;
  const countBytes = header % MANUAL_BLOCK;
  const timeForm = Math.floor((header % TOKEN_BUCKET) / TIME_FORM_STEP);
  log.resolutionMicros = timeForm === SUB_BUCKETS ? subBucketMicros(spec) : 1;
  log.total = 0;
  const entries =
    timeForm === SUB_BUCKETS
      ? readSubBuckets(bytes, offset, end, countBytes, log)
      : readTimes(bytes, offset, end, BYTES_PER_TIME[timeForm] ?? TIME_BYTES, countBytes, log);
  log.ends.length = entries;
  log.hits.length = entries;
}

function writeSubBuckets(
  bytes: Uint8Array,
  start: number,
  countBytes: number,
  { ends, hits, resolutionMicros }: HitLog,
): number {
  let offset = start;
  let nextEnd = ends[0] ?? 0;
  for (let index = 0; index < ends.length; index++) {
    const end = ends[index] ?? 0;
    for (; nextEnd < end; nextEnd += resolutionMicros) offset = writeUint(bytes, offset, countBytes, 0);
    offset = writeUint(bytes, offset, countBytes, hits[index] ?? 0);
    nextEnd += resolutionMicros;
  }
  return offset;
}

/** Returns the number of entries of the log. */
function readSubBuckets(bytes: Uint8Array, start: number, stop: number, countBytes: number, log: HitLog): number {
  let end = readUint(bytes, start, TIME_BYTES);
  let entries = 0;
  for (let offset = start + TIME_BYTES; offset < stop; offset += countBytes) {
    const hits = readUint(bytes, offset, countBytes);
    if (hits > 0) {
      log.ends[entries] = end;
      log.hits[entries++] = hits;
      log.total += hits;
    }
    end += log.resolutionMicros;
  }
  return entries;
}

function writeTimes(
  bytes: Uint8Array,
  start: number,
  timeBytes: number,
  countBytes: number,
  { ends, hits }: HitLog,
): number {
  const base = ends[0] ?? 0;
  let offset = start;
  for (let index = 0; index < ends.length; index++) {
    offset = writeUint(bytes, offset, timeBytes, (ends[index] ?? 0) - base);
    offset = writeUint(bytes, offset, countBytes, hits[index] ?? 0);
  }
  return offset;
}

/** Returns the number of entries of the log. */
function readTimes(
  bytes: Uint8Array,
  start: number,
  stop: number,
  timeBytes: number,
  countBytes: number,
  log: HitLog,
): number {
  const base = readUint(bytes, start, TIME_BYTES);
  let entries = 0;
  for (let offset = start + TIME_BYTES; offset < stop; entries++) {
    log.ends[entries] = base + readUint(bytes, offset, timeBytes);
    offset += timeBytes;
    const hits = countBytes === 0 ? 1 : readUint(bytes, offset, countBytes);
    log.hits[entries] = hits;
    log.total += hits;
    offset += countBytes;
  }
  return entries;
}

function chooseTimeForm(
  spec: CounterSpec,
  resolutionMicros: number,
): typeof SUB_BUCKETS | typeof SHORT_TIMES | typeof LONG_TIMES {
  if (resolutionMicros > 1) return SUB_BUCKETS;
  // A counter may be ahead of the clock by an eighth of its life. A quarter leaves room for that.
  return spec.kind === 'window' && spec.lifetimeMicros + spec.lifetimeMicros / 4 < 2 ** 32 ? SHORT_TIMES : LONG_TIMES;
}

/** Returns 0 where every count is 1, unless `isSubBuckets`: an empty sub-bucket needs a count, too. */
function chooseCountBytes(hits: readonly number[], isSubBuckets: boolean): number {
  let max = 1;
  for (let index = 0; index < hits.length; index++) if ((hits[index] ?? 0) > max) max = hits[index] ?? 0;
  if (max === 1 && !isSubBuckets) return 0;
  if (max < 256) return 1;
  if (max < 65_536) return 2;
  return max < 2 ** 32 ? 4 : MAX_COUNT_BYTES;
}

/**
 * Writes `width` bytes, at most 7. Bitwise operators take 32 bits, so the low four bytes and the rest go separately.
 */
function writeUint(bytes: Uint8Array, offset: number, width: number, value: number): number {
  const low = value >>> 0;
  let rest = low;
  let position = offset + width - 1;
  for (const fifthFromEnd = position - 4; position >= offset && position > fifthFromEnd; position--) {
    bytes[position] = rest;
    rest >>>= 8;
  }
  for (rest = (value - low) / 2 ** 32; position >= offset; position--) {
    bytes[position] = rest;
    rest >>>= 8;
  }
  return offset + width;
}

function readUint(bytes: Uint8Array, offset: number, width: number): number {
  const lowStart = offset + width - 4;
  let position = offset;
  let high = 0;
  for (; position < lowStart; position++) high = (high << 8) | (bytes[position] ?? 0);
  let low = 0;
  for (; position < offset + width; position++) low = (low << 8) | (bytes[position] ?? 0);
  return high * 2 ** 32 + (low >>> 0);
}
