import type { CounterSnapshot } from '../counting/counter-admin.ts';
import type { CountedLimit } from '../limits/limit.ts';
import { advertisedQuota } from '../limits/limit-status.ts';

/** The requests of a limit that count now, at least 0. Credits that were added can make them 0 although some are spent. */
export function countUsed(limit: CountedLimit, { remaining }: CounterSnapshot): number {
  return Math.max(0, advertisedQuota(limit).requests - remaining);
}
