import type { Database } from '../../database/open-database.ts';
import { recordRevocation } from '../../database/record-revocation.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { toPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { requiresCatalogAccount, resolvePlanId } from '../../domain/tokens/token.ts';
import {
  GetTokenInfoResponse,
  GetTokenInfoResponse_State as State,
} from '../../generated/weir/admin/v1/token_info_service.ts';
import { verifyPresentedToken } from '../auth/verify-presented-token.ts';
import { toLimitMessage } from '../shared/limits-and-features.ts';
import { readRemainingLimits } from './remaining-limits.ts';
import type { TokenInfoOptions } from './token-info-options.ts';
import { toTokenRevocation } from './token-revocation.ts';

const STATES = { valid: State.VALID, expired: State.EXPIRED, revoked: State.DISABLED, early: State.UNKNOWN } as const;

/** Describes a JWT to its holder, as Check would treat it. */
export async function describeJwt(jwt: string, peer: string, options: TokenInfoOptions): Promise<GetTokenInfoResponse> {
  const { catalog, counters } = options;
  const presented = await verifyPresentedToken(jwt, peer, options);
  if (presented.kind === 'unverified') {
    return GetTokenInfoResponse.create({ state: presented.isExpired ? State.EXPIRED : State.UNKNOWN });
  }
  const { token, issuer, status } = presented;
  const account = catalog.account(token.accountId);
  const planId = resolvePlanId(token, account, issuer);
  const plan = planId === undefined ? undefined : catalog.plan(planId);
  const isDenied =
    (account === undefined && requiresCatalogAccount(token, issuer)) || (planId !== undefined && plan === undefined);
  if (isDenied) return GetTokenInfoResponse.create({ state: State.UNKNOWN });
  // Only then the counters of the account are those of the token's plan.
  const hasPlanOfAccount = account !== undefined && account.planId === planId;
  return GetTokenInfoResponse.create({
    state: STATES[status],
    tokenId: token.tokenId ?? '',
    account: account === undefined ? token.accountId : `accounts/${account.id}`,
    plan: planId === undefined ? '' : `plans/${planId}`,
    limits: [...(plan?.limits ?? []), ...token.limits].map((limit) => toLimitMessage(toPlanLimitSpec(limit))),
    features: [...new Set([...(plan?.features ?? []), ...token.features])],
    role: token.isAdmin ? 'admin' : '',
    expireTime: new Date(token.expiresAt),
    remaining: hasPlanOfAccount ? await readRemainingLimits(counters, { kind: 'account', id: account.id }) : [],
  });
}

/** Revokes a JWT that its holder has presented. */
export async function disableJwt(
  jwt: string,
  peer: string,
  options: TokenInfoOptions & { readonly database: Database },
): Promise<void> {
  const presented = await verifyPresentedToken(jwt, peer, options);
  // The token has no name, and it must not be repeated.
  if (presented.kind === 'unverified') throw new ApiError({ kind: 'not_found', name: 'tokens/-' });
  const revocation = toTokenRevocation(presented.token);
  if (revocation === undefined) {
    const description = 'must have a jti claim; without one, ask an administrator to revoke the tokens of the account';
    throw invalidArgument({ field: 'secret', description });
  }
  await recordRevocation(options.database.em.fork(), revocation.revocation, revocation.expireTime);
}
