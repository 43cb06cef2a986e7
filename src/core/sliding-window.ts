import type { SlidingWindowLimit } from './limit.ts';
import type { Term } from './tally.ts';

/** The largest limit whose hits are kept with their own times: exact, and at most so many of them. */
export const MOST_EXACT_REQUESTS = 64;

const SUB_BUCKETS = 16;
const MICROSECONDS = 1_000_000;

/**
 * A hit at t stops counting at t + window. Larger limits count hits by sub-buckets of a 16th of the window, each hit
 * as if made at its sub-bucket's end: never more than the limit in any rolling window, at most one sub-bucket too strict,
 * and 17 numbers at most however large the limit.
 */
export function slidingWindowTerm({ requests, windowSeconds }: SlidingWindowLimit): Term {
  const window = windowSeconds * MICROSECONDS;
  if (requests <= MOST_EXACT_REQUESTS) return { resolution: 1, life: window };
  const subBucket = window / SUB_BUCKETS; // whole µs: a second is 16 times 62,500
  return { resolution: subBucket, life: window + subBucket };
}
