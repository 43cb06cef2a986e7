import { type AccountState, findAccountDenial } from '../../domain/account-state.ts';
import type { CounterAdmin, CounterSelector } from '../../domain/counting/counter-admin.ts';
import { type PlanLimit, toPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import {
  type GetTokenInfoResponse,
  type LimitRemaining,
  GetTokenInfoResponse_State as State,
} from '../../generated/weir/admin/v1/token_info_service.ts';
import { toTimestamp } from '../fields/common-fields.ts';
import { toLimitMessage } from '../fields/limits-and-features.ts';

interface Grants {
  readonly limits: readonly PlanLimit[];
  readonly features: readonly string[];
}

const ACCOUNT_STATES = { disabled_account: State.ACCOUNT_DISABLED, blocked_account: State.ACCOUNT_BLOCKED } as const;

/** The state of a credential that is itself in force, which that of its account decides. `now` is Unix time in ms. */
export function describeAccountState(
  account: AccountState,
  now: number,
): Pick<GetTokenInfoResponse, 'state' | 'blockExpireTime'> {
  const denial = findAccountDenial(account, now);
  if (denial === undefined) return { state: State.VALID, blockExpireTime: undefined };
  const isBlocked = denial.code === 'blocked_account';
  return {
    state: ACCOUNT_STATES[denial.code],
    blockExpireTime: isBlocked ? toTimestamp(account.blockEndsAt) : undefined,
  };
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
export async function readRemainingLimits(
  counters: CounterAdmin,
  selector: CounterSelector,
): Promise<LimitRemaining[]> {
  const reading = await counters.read({ selector, limit: '' });
  if (reading.kind !== 'read') return [];
  return reading.counters.map(({ label, snapshot }) => ({
    limit: label,
    remaining: snapshot.isBlocked ? 0 : snapshot.remaining,
    resetTime: toTimestamp(snapshot.resetAt),
  }));
}
