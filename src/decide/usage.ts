import type { DenialCode } from '../domain/denial.ts';
import type { UsageOutcome } from '../domain/usage/usage-row.ts';
import type { CheckVerdict } from './check/check-verdict.ts';
import type { Usage } from './ports.ts';
import type { RateLimitVerdict } from './rate-limit/rate-limit-verdict.ts';
import { rejectionCode } from './rejection-code.ts';

/** The usage of requests without a credential, or with one that nobody knows: that of the account without a name. */
export const NOBODY: Usage = {
  record: {},
  accountId: '',
  keyId: undefined,
  planId: undefined,
  route: undefined,
  hits: 0,
};

/** How a request is recorded. */
export interface RecordedUsage {
  readonly usage: Usage;
  readonly outcome: UsageOutcome;
}

/**
 * How a Check is recorded; undefined: it is not. Check records every denial. A request that passes is recorded by the
 * question that charges its plan, so not here where the route leaves that to the rate limit service.
 */
export function usageOfCheck(verdict: CheckVerdict): RecordedUsage | undefined {
  const { route, cost: hits, rateLimitOff } = verdict.question;
  if (verdict.kind === 'anonymous') return { usage: { ...NOBODY, route, hits }, outcome: 'allowed' };
  if (verdict.kind === 'allowed') {
    if (rateLimitOff) return undefined;
    const { credential: record, keyId, planId } = verdict;
    return { usage: { record, accountId: record.accountId, keyId, planId, route, hits }, outcome: 'allowed' };
  }
  const outcome = outcomeOfCode(verdict.code);
  const { proven } = verdict;
  if (proven === undefined) return { usage: { ...NOBODY, route, hits }, outcome };
  const { credential: record, keyId, planId } = proven;
  return { usage: { record, accountId: record.accountId, keyId, planId, route, hits }, outcome };
}

/**
 * How a request of the rate limit service is recorded; undefined: it is not. `usage` is undefined unless it charges a
 * plan. A look at limits without hits charges nothing, so it is recorded only if it rejects.
 */
export function usageOfRateLimit(
  verdict: RateLimitVerdict & { readonly kind: 'rate_limit' },
  usage: Usage | undefined,
): RecordedUsage | undefined {
  if (usage === undefined) return undefined;
  const { overLimit, receipt, rejectionCode: code, limits, source } = verdict;
  if (!overLimit) {
    return usage.hits === 0 && receipt === undefined ? undefined : { usage, outcome: 'allowed' };
  }
  if (source === 'fail-deny') return { usage, outcome: 'denied' };
  return { usage, outcome: outcomeOfCode(code ?? rejectionCode(limits)) };
}

/** Limits reject a request as `rateLimited` if waiting helps soon, and as `quotaExceeded` if a quota is used up. */
function outcomeOfCode(code: DenialCode): UsageOutcome {
  switch (code) {
    case 'rate_limited':
      return 'rateLimited';
    case 'quota_exceeded':
    case 'credits_exhausted':
      return 'quotaExceeded';
    default:
      return 'denied';
  }
}
