import type { Database } from '../../database/open-database.ts';
import { recordRevocation } from '../../database/record-revocation.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { requiresCatalogAccount, resolvePlanId } from '../../domain/tokens/token.ts';
import {
  GetTokenInfoResponse,
  GetTokenInfoResponse_State as State,
} from '../../generated/weir/admin/v1/token_info_service.ts';
import { verifyPresentedToken } from '../auth/verify-presented-token.ts';
import type { TokenInfoOptions } from './token-info-options.ts';
import { combineGrants, readRemainingLimits } from './token-info-response.ts';
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
  // Otherwise the counters of the account belong to another plan than the token's.
  const hasPlanOfAccount = account !== undefined && account.planId === planId;
  return GetTokenInfoResponse.create({
    state: STATES[status],
    tokenId: token.tokenId ?? '',
    account: account === undefined ? token.accountId : `accounts/${account.id}`,
    plan: planId === undefined ? '' : `plans/${planId}`,
    ...combineGrants(plan, token),
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
  await recordRevocation(options.database.em.fork(), revocation);
}
