import type { CounterSpec } from './counter-spec.ts';
import { addHits, advanceLog, emptyHitLog, type HitLog, lastEnd, removeHits, waitFor } from './hit-log.ts';
import {
  availableTokens,
  fullBucket,
  refill,
  refundTokens,
  type TokenBucket,
  takeTokens,
  waitForTokens,
  waitUntilFull,
} from './token-bucket.ts';

/** What is counted of one subject for one limit. Of tally and bucket, that is used which the limit's term is for. */
export interface Counter {
  /** µs since 1970; 0: not blocked. */
  blockedUntil: number;
  /** The block was set by hand: it may be longer than the limit's own blocks, and the limit need not have any. */
  isHeld: boolean;
  readonly tally: HitLog;
  readonly bucket: TokenBucket;
}

export function emptyCounter(): Counter {
  return { blockedUntil: 0, isHeld: false, tally: emptyHitLog(), bucket: fullBucket() };
}

/**
 * Brings the counter to `clock`, in µs since 1970, at which everything below is asked. Returns whether the clock was set
 * back so far that something was moved: then the counter must be kept, or the next step would move it again.
 */
export function advance(counter: Counter, term: CounterSpec, clock: number): boolean {
  const blockedUntil = counter.isHeld ? counter.blockedUntil : Math.min(counter.blockedUntil, clock + term.block);
  const isMoved = blockedUntil < counter.blockedUntil;
  if (blockedUntil > clock) counter.blockedUntil = blockedUntil;
  else endBlock(counter);
  const { tally, bucket } = counter;
  return (term.kind === 'rate' ? refill(bucket, term, clock) : advanceLog(tally, term, clock)) || isMoved;
}

/** Hits that would fit; below 0 while blocked, when not even a look fits, and after a limit was lowered. */
export function available(counter: Counter, term: CounterSpec): number {
  const free = term.kind === 'rate' ? availableTokens(counter.bucket, term) : term.requests - counter.tally.total;
  return counter.blockedUntil > 0 ? Math.min(free, -1) : free;
}

/** Charges hits as made at `time`, whether they fit or not. */
export function charge(counter: Counter, term: CounterSpec, time: number, hits: number): void {
  if (term.kind === 'rate') takeTokens(counter.bucket, term, hits);
  else addHits(counter.tally, term, time, hits);
}

/** A refusal begins the block, if the limit has one; further refusals do not extend it. Whether anything changed. */
export function recordRejection(counter: Counter, term: CounterSpec, clock: number): boolean {
  if (term.block === 0 || counter.blockedUntil > 0) return false;
  counter.blockedUntil = clock + term.block;
  return true;
}

/** Blocks by hand: until then everything is refused, whatever block there was before. */
export function blockManually(counter: Counter, until: number): void {
  counter.blockedUntil = until;
  counter.isHeld = true;
}

export function endBlock(counter: Counter): void {
  counter.blockedUntil = 0;
  counter.isHeld = false;
}

/** µs until the whole limit is free if nothing more is charged. */
export function resetAfter(counter: Counter, term: CounterSpec, clock: number): number {
  const end = lastEnd(counter.tally);
  const counted = term.kind === 'rate' ? waitUntilFull(counter.bucket, term, clock) : Math.max(0, end - clock);
  return Math.max(counted, counter.blockedUntil - clock);
}

/** µs until `hits`, which do not fit now, would fit if nobody else spends them; undefined when they never do. */
export function retryAfter(counter: Counter, term: CounterSpec, hits: number, clock: number): number | undefined {
  const { tally, bucket, blockedUntil } = counter;
  const wait =
    term.kind === 'rate' ? waitForTokens(bucket, term, hits, clock) : waitFor(tally, term.requests, hits, clock);
  return wait === undefined ? undefined : Math.max(wait, blockedUntil - clock);
}

/** Gives back hits of a charge after which `untilAllFree` led to `end`; how many are free again. */
export function refund(counter: Counter, term: CounterSpec, end: number, hits: number): number {
  return term.kind === 'rate' ? refundTokens(counter.bucket, term, end, hits) : removeHits(counter.tally, end, hits);
}
