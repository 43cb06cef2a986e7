import type { CounterAccess, CounterSelector } from '../../domain/counting/counter-admin.ts';
import { type PlanLimit, toPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import type { GetTokenInfoResponse, LimitRemaining } from '../../generated/weir/admin/v1/token_info_service.ts';
import { toTimestamp } from '../shared/common-fields.ts';
import { toLimitMessage } from '../shared/limits-and-features.ts';
import { peekCounters } from '../shared/peek-counters.ts';

interface Grants {
  readonly limits: readonly PlanLimit[];
  readonly features: readonly string[];
}

/** The limits and features of a credential: those of its plan, if it has one, then its own. */
export function combineGrants(
  plan: Grants | undefined,
  own: Grants,
): Pick<GetTokenInfoResponse, 'limits' | 'features'> {
  const limits = [...(plan?.limits ?? []), ...own.limits];
  const features = new Set([...(plan?.features ?? []), ...own.features]);
  return { limits: limits.map((limit) => toLimitMessage(toPlanLimitSpec(limit))), features: [...features] };
}

/** The remaining requests of each limit of a subject. Empty while the counters are unavailable. */
export async function readRemainingLimits(access: CounterAccess, selector: CounterSelector): Promise<LimitRemaining[]> {
  const counters = access.find(selector) ?? [];
  const peeked = counters.length === 0 ? [] : await peekCounters(access, counters);
  return (peeked ?? []).map(({ counter, snapshot }) => ({
    limit: counter.label,
    remaining: snapshot.isBlocked ? 0 : snapshot.remaining,
    resetTime: toTimestamp(snapshot.resetAt),
  }));
}
