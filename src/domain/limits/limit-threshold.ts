import type { CountedLimit } from './limit.ts';
import { advertisedQuota } from './limit-status.ts';

/** A limit without periods notifies again after its usage was more than this below the share, in percent of the limit. */
const REARM_MARGIN_POINTS = 10;

/** The usage of a limit has reached a share of it. Times are in µs since 1970, by the clock of the store. */
export interface ThresholdCrossing {
  /** Subject of the counter, as charges name it. */
  readonly subject: string;
  readonly limit: CountedLimit;
  /** In percent of the limit, as in `notifyAt`. */
  readonly threshold: number;
  /** Hits that were used. */
  readonly used: number;
  /** End of the period that the usage counts in. undefined: the limit has no periods. */
  readonly periodEnd: number | undefined;
  /** When this node saw it. */
  readonly crossedAt: number;
  /**
   * When this node last saw a usage low enough to notify again. undefined: never, or the limit has periods.
   */
  readonly lowAt: number | undefined;
}

/** Hits of a limit that are used, when `remaining` are left. Below 0 if credits were added. */
export function usedHits(limit: CountedLimit, remaining: number): number {
  return advertisedQuota(limit).requests - remaining;
}

/** Whether a usage has reached `threshold` percent of a limit. */
export function isReached(limit: CountedLimit, threshold: number, used: number): boolean {
  return used * 100 >= threshold * advertisedQuota(limit).requests;
}

/** Whether a usage is so low that reaching `threshold` percent is worth another event. */
export function isRearmed(limit: CountedLimit, threshold: number, used: number): boolean {
  return used * 100 < (threshold - REARM_MARGIN_POINTS) * advertisedQuota(limit).requests;
}
