import type { SlidingWindowLimit } from '../../domain/limits/limit.ts';

/** Hits of one counter that this node leased ahead. Times are in ms, read from performance.now(). */
export interface Slice {
  readonly subject: string;
  readonly limit: SlidingWindowLimit;
  /** Hits that this node may still grant, until `expiresAt`. */
  unspent: number;
  /** Hits that were leased. */
  size: number;
  expiresAt: number;
  /** When the leased hits stop counting in the store: µs since 1970, by the clock of the store. */
  countsUntil: number;
  /** Hits that the store had left in its latest answer. */
  remainingInStore: number;
  /** Hits that callers requested since `demandSince`. */
  demand: number;
  /** Hits that callers requested in the lease duration before `demandSince`. */
  previousDemand: number;
  demandSince: number;
  /** Whether a request for more hits is on its way to the store. */
  isRequested: boolean;
  /** Whether the counter was blocked since that request: the node must not spend the hits that it brings. */
  isCancelled: boolean;
}

/** A node that dies takes its slices with it: their hits are unspent, and count as spent. This bounds the loss. */
const MAX_LEASE_MS = 1000;
/** A slice lasts this part of the window at most. */
const MAX_LEASE_PART = 1 / 16;
/** For less demand, asking the store each time is as cheap. */
const MIN_HITS_PER_SLICE = 16;
/** Part of the hits left in the store. A node that takes no more leaves enough for the others. */
const MAX_PART_OF_REMAINING = 1 / 4;
/**
 * With less than this part of the slice unspent, the node requests the next slice, to have it when this one is spent.
 */
const REFILL_BELOW_PART = 1 / 4;

/**
 * Returns how long a slice may be spent, in ms. All its hits count from the end of that time, so a hit is reported to
 * count for up to a sixteenth of the window longer than without a lease.
 */
export function leaseDuration({ windowSeconds }: SlidingWindowLimit): number {
  return Math.min(MAX_LEASE_MS, windowSeconds * 1000 * MAX_LEASE_PART);
}

export function emptySlice(subject: string, limit: SlidingWindowLimit, now: number): Slice {
  return {
    subject,
    limit,
    unspent: 0,
    size: 0,
    expiresAt: 0,
    countsUntil: 0,
    remainingInStore: limit.requests,
    demand: 0,
    previousDemand: 0,
    demandSince: now,
    isRequested: false,
    isCancelled: false,
  };
}

/** Adds requested hits to the demand, which is measured in steps of the lease duration. */
export function recordDemand(slice: Slice, hits: number, now: number): void {
  const duration = leaseDuration(slice.limit);
  const passed = now - slice.demandSince;
  if (passed >= duration) {
    slice.previousDemand = passed < 2 * duration ? slice.demand : 0;
    slice.demand = 0;
    slice.demandSince = now;
  }
  slice.demand += hits;
}

/**
 * Returns how many hits to request from the store now: the demand of a lease duration, but only a part of what the
 * store has left. 0: none.
 */
export function hitsToLease(slice: Slice, now: number): number {
  if (slice.isRequested) return 0;
  const isLow = slice.expiresAt <= now || slice.unspent < slice.size * REFILL_BELOW_PART;
  const demand = Math.max(slice.demand, slice.previousDemand);
  const hits = Math.min(demand, Math.floor(slice.remainingInStore * MAX_PART_OF_REMAINING));
  return isLow && hits >= MIN_HITS_PER_SLICE ? hits : 0;
}
