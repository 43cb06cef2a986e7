import type { CounterAccess, CounterSelector } from '../../domain/counting/counter-admin.ts';
import type { LimitRemaining } from '../../generated/weir/admin/v1/token_info_service.ts';
import { toTimestamp } from '../shared/common-fields.ts';
import { peekCounters } from '../shared/peek-counters.ts';

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
