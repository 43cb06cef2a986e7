import type { TokenBucketSpec } from './counter-spec.ts';

/** What a token bucket lacks to be full. */
export interface TokenBucket {
  /** µs since 1970 for which `debt` is told; does not run back with a clock that is set back a little. */
  seen: number;
  /**
   * Hits times the window in µs: refilling takes whole numbers from it, `requests` each µs, so that nothing is lost to
   * rounding. At most 2^53 - 1.
   */
  debt: number;
}

const MOST_DEBT = Number.MAX_SAFE_INTEGER;

export function fullBucket(): TokenBucket {
  return { seen: 0, debt: 0 };
}

/**
 * Refills what `clock` (µs) has brought. Far ahead of the clock, which was set back then, it is taken as seen now, with
 * nothing refilled; that is returned, as the bucket must be kept then, or the next step would do so again.
 */
export function refill(bucket: TokenBucket, term: TokenBucketSpec, clock: number): boolean {
  const ahead = bucket.seen - clock;
  if (ahead > 0 && ahead <= term.window / 8) return false;
  bucket.debt = Math.max(0, bucket.debt - Math.max(0, -ahead) * term.requests);
  bucket.seen = clock;
  return ahead > 0;
}

/** Hits that fit now; below 0 after a settlement beyond the burst, or when the burst was lowered. */
export function availableTokens({ debt }: TokenBucket, { burst, window }: TokenBucketSpec): number {
  return burst - Math.ceil(debt / window);
}

export function takeTokens(bucket: TokenBucket, { window }: TokenBucketSpec, hits: number): void {
  bucket.debt = Math.min(MOST_DEBT, bucket.debt + hits * window);
}

/** µs from `clock` until `hits`, which do not fit now, would fit; undefined when they never do. */
export function waitForTokens(
  bucket: TokenBucket,
  term: TokenBucketSpec,
  hits: number,
  clock: number,
): number | undefined {
  if (hits > term.burst) return undefined;
  return wait(bucket, term, (term.burst - hits) * term.window, clock);
}

/** µs from `clock` until it is full. */
export function waitUntilFull(bucket: TokenBucket, term: TokenBucketSpec, clock: number): number {
  return bucket.debt === 0 ? 0 : wait(bucket, term, 0, clock);
}

/**
 * Puts hits back of a charge after which the bucket would have been full at `end`; how many. The first to be drawn is
 * the first to be refilled, so of that charge only what is refilled last is still there to put back.
 */
export function refundTokens(
  bucket: TokenBucket,
  { requests, window }: TokenBucketSpec,
  end: number,
  hits: number,
): number {
  // Less 1 µs, by which `end` may have been rounded up.
  const stillOut = Math.max(0, end - 1 - bucket.seen) * requests;
  const back = Math.min(hits * window, stillOut, bucket.debt);
  bucket.debt -= back;
  return Math.floor(back / window);
}

function wait({ seen, debt }: TokenBucket, { requests }: TokenBucketSpec, target: number, clock: number): number {
  return seen - clock + Math.ceil((debt - target) / requests);
}
