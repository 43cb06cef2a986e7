import type { DenialCode } from '../domain/denial.ts';
import { isOutOfCredits, type LimitStatus } from '../domain/limits/limit-status.ts';

/**
 * Names the reason why limits reject a request. A request that never fits must not be sent again, whatever the other
 * limits say. Credits that are used up come next, because no wait helps. Calendar limits are quotas, used up until their
 * period ends, unless a block alone rejects. All others are rates.
 */
export function rejectionCode(limits: readonly LimitStatus[]): DenialCode {
  if (limits.some(({ costExceedsLimit }) => costExceedsLimit)) return 'cost_exceeds_limit';
  if (limits.some(isOutOfCredits)) return 'credits_exhausted';
  return limits.some(isUsedUpQuota) ? 'quota_exceeded' : 'rate_limited';
}

function isUsedUpQuota({ limit, exceeded, isBlocked }: LimitStatus): boolean {
  return exceeded && limit.algorithm === 'calendar' && isBlocked !== true;
}
