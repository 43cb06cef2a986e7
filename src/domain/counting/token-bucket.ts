import type { TokenBucketSpec } from './counter-spec.ts';

/** State of a token bucket: its debt, which is what it lacks to be full, and the time of the last refill. */
export interface TokenBucket {
  /** Time in µs since 1970 at which `debt` is correct. Does not go back when the clock is set back a little. */
  refilledAt: number;
  /**
   * Tokens multiplied by the window in µs. In this unit, a refill is a whole number, `requests` per µs, and nothing is
   * lost to rounding. At most 2^53 - 1.
   */
  debt: number;
}

const MAX_DEBT = Number.MAX_SAFE_INTEGER;

export function fullBucket(): TokenBucket {
  return { refilledAt: 0, debt: 0 };
}

/**
 * Refills the bucket up to `clock` (µs). If the bucket is far ahead of the clock, the clock was set back: then the
 * bucket counts as refilled now, and nothing is added. Returns whether that happened. Then the store must keep the
 * bucket, or it would happen again.
 */
export function refill(bucket: TokenBucket, spec: TokenBucketSpec, clock: number): boolean {
  const lead = bucket.refilledAt - clock;
  if (lead > 0 && lead <= spec.windowMicros / 8) return false;
  bucket.debt = Math.max(0, bucket.debt - Math.max(0, -lead) * spec.requests);
  bucket.refilledAt = clock;
  return lead > 0;
}

/** Hits that fit now. Negative after a settlement beyond the burst, or after the burst was lowered. */
export function availableTokens({ debt }: TokenBucket, { burst, windowMicros }: TokenBucketSpec): number {
  return burst - Math.ceil(debt / windowMicros);
}

export function takeTokens(bucket: TokenBucket, { windowMicros }: TokenBucketSpec, hits: number): void {
  bucket.debt = Math.min(MAX_DEBT, bucket.debt + hits * windowMicros);
}

/** Time in µs from `clock` until `hits`, which do not fit now, would fit; undefined: they never fit. */
export function microsUntilTokensFit(
  bucket: TokenBucket,
  spec: TokenBucketSpec,
  hits: number,
  clock: number,
): number | undefined {
  if (hits > spec.burst) return undefined;
  return microsUntilDebtIs(bucket, spec, (spec.burst - hits) * spec.windowMicros, clock);
}

/** Time in µs from `clock` until the bucket is full. */
export function microsUntilFull(bucket: TokenBucket, spec: TokenBucketSpec, clock: number): number {
  return bucket.debt === 0 ? 0 : microsUntilDebtIs(bucket, spec, 0, clock);
}

/**
 * Refunds tokens of a charge after which the bucket was to be full at `end`. Returns the number of whole tokens
 * refunded. Tokens are refilled in the order in which they were taken, so of that charge only the part that is not
 * refilled yet can be refunded.
 */
export function refundTokens(
  bucket: TokenBucket,
  { requests, windowMicros }: TokenBucketSpec,
  end: number,
  hits: number,
): number {
  // Minus 1 µs: `end` may have been rounded up by that much.
  const notRefilled = Math.max(0, end - 1 - bucket.refilledAt) * requests;
  const refunded = Math.min(hits * windowMicros, notRefilled, bucket.debt);
  bucket.debt -= refunded;
  return Math.floor(refunded / windowMicros);
}

function microsUntilDebtIs(
  { refilledAt, debt }: TokenBucket,
  { requests }: TokenBucketSpec,
  target: number,
  clock: number,
): number {
  return refilledAt - clock + Math.ceil((debt - target) / requests);
}
