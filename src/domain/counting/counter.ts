import type { CounterSpec } from './counter-spec.ts';
import {
  availableCredits,
  type CreditBalance,
  microsUntilUnspent,
  refundCredits,
  spendCredits,
} from './credit-balance.ts';
import {
  addHits,
  advanceLog,
  emptyHitLog,
  type HitLog,
  lastEnd,
  microsUntilHitsFit,
  removeHits,
  replaceLog,
} from './hit-log.ts';
import {
  availableTokens,
  fullBucket,
  microsUntilFull,
  microsUntilTokensFit,
  refill,
  refundTokens,
  type TokenBucket,
  takeTokens,
} from './token-bucket.ts';

/**
 * Charges of one subject against one limit. The kind of the limit's spec decides which of `hitLog`, `tokenBucket` and
 * credit balance is used. The balance is no object of its own, because few counters need one.
 */
export interface Counter extends CreditBalance {
  /** µs since 1970; 0: not blocked. */
  blockedUntil: number;
  /**
   * An administrator set the block. It may last longer than the limit's own blocks, and the limit need not have any.
   */
  isBlockedManually: boolean;
  readonly hitLog: HitLog;
  readonly tokenBucket: TokenBucket;
}

export function emptyCounter(): Counter {
  return {
    blockedUntil: 0,
    isBlockedManually: false,
    hitLog: emptyHitLog(),
    tokenBucket: fullBucket(),
    spentCredits: 0,
    addedCredits: 0,
  };
}

/**
 * Advances the counter to `clock` (µs since 1970). All functions below require this. Returns whether the clock was set
 * back so far that hits or a block were moved. Then the store must keep the counter, or it would move them again.
 */
export function advance(counter: Counter, spec: CounterSpec, clock: number): boolean {
  const blockedUntil = counter.isBlockedManually
    ? counter.blockedUntil
    : Math.min(counter.blockedUntil, clock + spec.blockMicros);
  const isBlockShortened = blockedUntil < counter.blockedUntil;
  if (blockedUntil > clock) counter.blockedUntil = blockedUntil;
  else endBlock(counter);
  return advanceHits(counter, spec, clock) || isBlockShortened;
}

function advanceHits({ hitLog, tokenBucket }: Counter, spec: CounterSpec, clock: number): boolean {
  if (spec.kind === 'credits') return false;
  return spec.kind === 'token_bucket' ? refill(tokenBucket, spec, clock) : advanceLog(hitLog, spec, clock);
}

/**
 * Returns the number of hits that fit. Negative while the counter is blocked or in debt (then not even a peek fits), and
 * after the limit was lowered.
 */
export function available(counter: Counter, spec: CounterSpec): number {
  const free = uncharged(counter, spec);
  return counter.blockedUntil > 0 ? Math.min(free, -1) : free;
}

/** Hits that count now. Of a token bucket, the tokens that it lacks to be full, rounded up. */
export function countedHits(counter: Counter, spec: CounterSpec): number {
  if (spec.kind === 'credits') return counter.spentCredits;
  return (spec.kind === 'token_bucket' ? spec.burst : spec.requests) - uncharged(counter, spec);
}

/**
 * Replaces everything that the counter counts by hits that end at `end`, as exactly as the spec allows. A token bucket
 * and credits have no ends. Returns the end. Blocks stay.
 */
export function replaceHits(counter: Counter, spec: CounterSpec, end: number, hits: number): number {
  if (spec.kind === 'window' || spec.kind === 'calendar') return replaceLog(counter.hitLog, spec, end, hits);
  counter.tokenBucket.debt = 0;
  counter.spentCredits = 0;
  if (spec.kind === 'token_bucket') takeTokens(counter.tokenBucket, spec, hits);
  else spendCredits(counter, hits);
  return end;
}

/** The greatest debt, in hits, that rejected hits can run up: as many as one request can report. */
const MAX_DEBT_HITS = 2 ** 32 - 1;

/** Charges hits as made at `time`, whether they fit or not. */
export function charge(counter: Counter, spec: CounterSpec, time: number, hits: number): void {
  if (spec.kind === 'token_bucket') takeTokens(counter.tokenBucket, spec, hits);
  else if (spec.kind === 'credits') spendCredits(counter, hits);
  else addHits(counter.hitLog, spec, time, hits);
}

/**
 * Charges hits of a rejected request, as far as the debt allows. The debt ends with the window, unless credits are owed:
 * that of a token bucket is at most what one window refills. Returns whether the counter changed.
 */
export function chargeRejected(counter: Counter, spec: CounterSpec, time: number, hits: number): boolean {
  const maxDebt = spec.kind === 'token_bucket' ? spec.requests : MAX_DEBT_HITS;
  const charged = Math.min(hits, uncharged(counter, spec) + maxDebt);
  if (charged <= 0) return false;
  charge(counter, spec, time, charged);
  return true;
}

/**
 * Begins the limit's block, if it has one. Further rejections do not extend it. Returns whether the counter changed.
 */
export function recordRejection(counter: Counter, spec: CounterSpec, clock: number): boolean {
  if (spec.blockMicros === 0 || counter.blockedUntil > 0) return false;
  counter.blockedUntil = clock + spec.blockMicros;
  return true;
}

/** Rejects everything until the given time (µs since 1970). Replaces any other block. */
export function blockManually(counter: Counter, until: number): void {
  counter.blockedUntil = until;
  counter.isBlockedManually = true;
}

export function endBlock(counter: Counter): void {
  counter.blockedUntil = 0;
  counter.isBlockedManually = false;
}

/**
 * Time in µs until the entire limit is available, if nothing more is charged. For credits that are spent or added, until
 * `CREDITS_END`.
 */
export function resetAfterMicros(counter: Counter, spec: CounterSpec, clock: number): number {
  return Math.max(0, microsUntilFree(counter, spec, clock), counter.blockedUntil - clock);
}

/** Disregards blocks. At most 0: nothing is charged. */
function microsUntilFree(counter: Counter, spec: CounterSpec, clock: number): number {
  if (spec.kind === 'token_bucket') return microsUntilFull(counter.tokenBucket, spec, clock);
  return spec.kind === 'credits' ? microsUntilUnspent(counter, clock) : lastEnd(counter.hitLog) - clock;
}

/**
 * Time in µs until `hits`, which do not fit now, would fit if nobody else spends them; undefined: they never fit.
 */
export function retryAfterMicros(counter: Counter, spec: CounterSpec, hits: number, clock: number): number | undefined {
  const wait = microsUntilFit(counter, spec, hits, clock);
  return wait === undefined ? undefined : Math.max(wait, counter.blockedUntil - clock);
}

/** Disregards blocks. */
function microsUntilFit(counter: Counter, spec: CounterSpec, hits: number, clock: number): number | undefined {
  if (spec.kind === 'token_bucket') return microsUntilTokensFit(counter.tokenBucket, spec, hits, clock);
  if (spec.kind === 'credits') return hits <= availableCredits(counter, spec) ? 0 : undefined;
  return microsUntilHitsFit(counter.hitLog, spec.requests, hits, clock);
}

/**
 * Refunds hits of a charge. `end` identifies the charge: the time at which the entire limit was to be available again
 * (`resetAfterMicros`), right after the charge. Returns the number of hits that were still charged.
 */
export function refund(counter: Counter, spec: CounterSpec, end: number, hits: number): number {
  if (spec.kind === 'token_bucket') return refundTokens(counter.tokenBucket, spec, end, hits);
  return spec.kind === 'credits' ? refundCredits(counter, hits) : removeHits(counter.hitLog, end, hits);
}

/** Hits of the limit that are not charged, whether the counter is blocked or not; negative: the counter is in debt. */
function uncharged(counter: Counter, spec: CounterSpec): number {
  if (spec.kind === 'token_bucket') return availableTokens(counter.tokenBucket, spec);
  return spec.kind === 'credits' ? availableCredits(counter, spec) : spec.requests - counter.hitLog.total;
}
