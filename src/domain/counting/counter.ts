import type { Term } from './counter-spec.ts';
import { addHits, emptyTally, followClock, lastEnd, removeHits, type Tally, waitFor } from './hit-log.ts';
import {
  type Bucket,
  draw,
  freeIn,
  fullBucket,
  putBack,
  refill,
  waitForTokens,
  waitUntilFull,
} from './token-bucket.ts';

/** What is counted of one subject for one limit. Of tally and bucket, that is used which the limit's term is for. */
export interface Counter {
  /** µs since 1970; 0: not blocked. */
  blockedUntil: number;
  /** The block was set by hand: it may be longer than the limit's own blocks, and the limit need not have any. */
  isHeld: boolean;
  readonly tally: Tally;
  readonly bucket: Bucket;
}

export function emptyCounter(): Counter {
  return { blockedUntil: 0, isHeld: false, tally: emptyTally(), bucket: fullBucket() };
}

/**
 * Brings the counter to `clock`, in µs since 1970, at which everything below is asked. Returns whether the clock was set
 * back so far that something was moved: then the counter must be kept, or the next step would move it again.
 */
export function follow(counter: Counter, term: Term, clock: number): boolean {
  const blockedUntil = counter.isHeld ? counter.blockedUntil : Math.min(counter.blockedUntil, clock + term.block);
  const isMoved = blockedUntil < counter.blockedUntil;
  if (blockedUntil > clock) counter.blockedUntil = blockedUntil;
  else endBlock(counter);
  const { tally, bucket } = counter;
  return (term.kind === 'rate' ? refill(bucket, term, clock) : followClock(tally, term, clock)) || isMoved;
}

/** Hits that would fit; below 0 while blocked, when not even a look fits, and after a limit was lowered. */
export function freeOf(counter: Counter, term: Term): number {
  const free = term.kind === 'rate' ? freeIn(counter.bucket, term) : term.requests - counter.tally.total;
  return counter.blockedUntil > 0 ? Math.min(free, -1) : free;
}

/** Charges hits as made at `time`, whether they fit or not. */
export function charge(counter: Counter, term: Term, time: number, hits: number): void {
  if (term.kind === 'rate') draw(counter.bucket, term, hits);
  else addHits(counter.tally, term, time, hits);
}

/** A refusal begins the block, if the limit has one; further refusals do not extend it. Whether anything changed. */
export function noteRefusal(counter: Counter, term: Term, clock: number): boolean {
  if (term.block === 0 || counter.blockedUntil > 0) return false;
  counter.blockedUntil = clock + term.block;
  return true;
}

/** Blocks by hand: until then everything is refused, whatever block there was before. */
export function hold(counter: Counter, until: number): void {
  counter.blockedUntil = until;
  counter.isHeld = true;
}

export function endBlock(counter: Counter): void {
  counter.blockedUntil = 0;
  counter.isHeld = false;
}

/** µs until the whole limit is free if nothing more is charged. */
export function untilAllFree(counter: Counter, term: Term, clock: number): number {
  const end = lastEnd(counter.tally);
  const counted = term.kind === 'rate' ? waitUntilFull(counter.bucket, term, clock) : Math.max(0, end - clock);
  return Math.max(counted, counter.blockedUntil - clock);
}

/** µs until `hits`, which do not fit now, would fit if nobody else spends them; undefined when they never do. */
export function untilFit(counter: Counter, term: Term, hits: number, clock: number): number | undefined {
  const { tally, bucket, blockedUntil } = counter;
  const wait =
    term.kind === 'rate' ? waitForTokens(bucket, term, hits, clock) : waitFor(tally, term.requests, hits, clock);
  return wait === undefined ? undefined : Math.max(wait, blockedUntil - clock);
}

/** Gives back hits of a charge after which `untilAllFree` led to `end`; how many are free again. */
export function giveBack(counter: Counter, term: Term, end: number, hits: number): number {
  return term.kind === 'rate' ? putBack(counter.bucket, term, end, hits) : removeHits(counter.tally, end, hits);
}
