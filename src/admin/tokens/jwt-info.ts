import type { Database } from '../../database/open-database.ts';
import { recordRevocation } from '../../database/record-revocation.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { toPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { requiresCatalogAccount, resolvePlanId } from '../../domain/tokens/token.ts';
import {
  GetTokenInfoResponse,
  GetTokenInfoResponse_State as State,
} from '../../generated/weir/admin/v1/token_info_service.ts';
import { toTokenRevocation, verifyPresentedToken } from '../auth/verify-presented-token.ts';
import { toLimitMessages } from '../shared/limits-and-features.ts';
import { readRemainingLimits, type TokenInfoOptions } from './token-info-options.ts';

const STATES = { valid: State.VALID, expired: State.EXPIRED, revoked: State.DISABLED, early: State.UNKNOWN } as const;

/** What a JWT is worth where Check is asked, told to its holder. */
export async function describeJwt(text: string, peer: string, parts: TokenInfoOptions): Promise<GetTokenInfoResponse> {
  const { catalog, counters } = parts;
  const presented = await verifyPresentedToken(text, peer, parts);
  if (presented.kind === 'unknown') {
    return GetTokenInfoResponse.create({ state: presented.isExpired ? State.EXPIRED : State.UNKNOWN });
  }
  const { token, issuer, status } = presented;
  const account = catalog.account(token.accountId);
  const planId = resolvePlanId(token, account, issuer);
  const plan = planId === undefined ? undefined : catalog.plan(planId);
  const isRefused =
    (account === undefined && requiresCatalogAccount(token, issuer)) || (planId !== undefined && plan === undefined);
  if (isRefused) return GetTokenInfoResponse.create({ state: State.UNKNOWN });
  const isCountedByPlan = account !== undefined && account.planId === planId;
  return GetTokenInfoResponse.create({
    state: STATES[status],
    tokenId: token.tokenId ?? '',
    account: account === undefined ? token.accountId : `accounts/${account.id}`,
    plan: planId === undefined ? '' : `plans/${planId}`,
    limits: toLimitMessages([...(plan?.limits ?? []), ...token.limits].map(toPlanLimitSpec)),
    features: [...new Set([...(plan?.features ?? []), ...token.features])],
    role: token.isAdmin ? 'admin' : '',
    expireTime: new Date(token.expiresAt),
    remaining: isCountedByPlan ? await readRemainingLimits({ kind: 'account', id: account.id }, counters) : [],
  });
}

/** Ends a JWT before its time. */
export async function disableJwt(
  text: string,
  peer: string,
  parts: TokenInfoOptions & { readonly database: Database },
): Promise<void> {
  const presented = await verifyPresentedToken(text, peer, parts);
  // In place of a name: the secret must not be repeated.
  if (presented.kind === 'unknown') throw new ApiError({ kind: 'not_found', name: 'tokens/-' });
  const revoked = toTokenRevocation(presented.token);
  if (revoked === undefined) {
    throw invalidArgument({ field: 'secret', description: 'has no jti to be told by; ask an administrator' });
  }
  await recordRevocation(parts.database.em.fork(), revoked.revocation, revoked.expireTime);
}
