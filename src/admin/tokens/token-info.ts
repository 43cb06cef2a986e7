import type { Database } from '../../database/open-database.ts';
import { revoke } from '../../database/revocations.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { toPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { isOfCatalog, planIdOf } from '../../domain/tokens/token.ts';
import {
  GetTokenInfoResponse,
  GetTokenInfoResponse_State as State,
} from '../../generated/weir/admin/v1/token_info_service.ts';
import { presentedToken, tokenRevocation } from '../auth/presented-token.ts';
import { limitMessages } from '../plans/limits-and-features.ts';
import { remainingLimits, type TokenInfoParts } from './token-info-parts.ts';

const STATES = { valid: State.VALID, expired: State.EXPIRED, revoked: State.DISABLED, early: State.UNKNOWN } as const;

/** What a JWT is worth where Check is asked, told to its holder. */
export async function tokenInfo(text: string, peer: string, parts: TokenInfoParts): Promise<GetTokenInfoResponse> {
  const { catalog, counters } = parts;
  const presented = await presentedToken(text, peer, parts);
  if (presented.kind === 'unknown') {
    return GetTokenInfoResponse.create({ state: presented.isExpired ? State.EXPIRED : State.UNKNOWN });
  }
  const { token, issuer, standing } = presented;
  const account = catalog.account(token.accountId);
  const planId = planIdOf(token, account, issuer);
  const plan = planId === undefined ? undefined : catalog.plan(planId);
  const isRefused =
    (account === undefined && isOfCatalog(token, issuer)) || (planId !== undefined && plan === undefined);
  if (isRefused) return GetTokenInfoResponse.create({ state: State.UNKNOWN });
  const isCountedByPlan = account !== undefined && account.planId === planId;
  return GetTokenInfoResponse.create({
    state: STATES[standing],
    tokenId: token.tokenId ?? '',
    account: account === undefined ? token.accountId : `accounts/${account.id}`,
    plan: planId === undefined ? '' : `plans/${planId}`,
    limits: limitMessages([...(plan?.limits ?? []), ...token.limits].map(toPlanLimitSpec)),
    features: [...new Set([...(plan?.features ?? []), ...token.features])],
    role: token.isAdmin ? 'admin' : '',
    expireTime: new Date(token.expiresAt),
    remaining: isCountedByPlan ? await remainingLimits({ kind: 'account', id: account.id }, counters) : [],
  });
}

/** Ends a JWT before its time. */
export async function disableToken(
  text: string,
  peer: string,
  parts: TokenInfoParts & { readonly database: Database },
): Promise<void> {
  const presented = await presentedToken(text, peer, parts);
  // In place of a name: the secret must not be repeated.
  if (presented.kind === 'unknown') throw new ApiError({ kind: 'not_found', name: 'tokens/-' });
  const revoked = tokenRevocation(presented.token);
  if (revoked === undefined) {
    throw invalidArgument({ field: 'secret', description: 'has no jti to be told by; ask an administrator' });
  }
  await revoke(parts.database.em.fork(), revoked.revocation, revoked.expireTime);
}
