import { nameActor } from '../../database/audit/current-call.ts';
import type { Database } from '../../database/open-database.ts';
import { recordRevocation } from '../../database/statements/record-revocation.ts';
import { UNRESTRICTED } from '../../domain/account-state.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { requiresCatalogAccount, resolvePlanId, type VerifiedToken } from '../../domain/tokens/token.ts';
import {
  GetTokenInfoResponse,
  GetTokenInfoResponse_State as State,
} from '../../generated/weir/admin/v1/token_info_service.ts';
import { verifyPresentedToken } from '../callers/verify-presented-token.ts';
import type { TokenInfoOptions } from './token-info-options.ts';
import { combineGrants, describeAccountState, readRemainingLimits } from './token-info-response.ts';
import { toTokenRevocation } from './token-revocation.ts';

const STATES = { expired: State.EXPIRED, revoked: State.DISABLED, early: State.UNKNOWN } as const;

/** Describes a JWT to its holder, as Check would treat it. */
export async function describeJwt(jwt: string, peer: string, options: TokenInfoOptions): Promise<GetTokenInfoResponse> {
  const { credentials, counters } = options;
  const presented = await verifyPresentedToken(jwt, peer, options);
  if (presented.kind === 'unverified') {
    return GetTokenInfoResponse.create({ state: presented.isExpired ? State.EXPIRED : State.UNKNOWN });
  }
  const { token, issuer, status } = presented;
  const account = await credentials.findAccount(token.accountId);
  const planId = resolvePlanId(token, account, issuer);
  const plan = planId === undefined ? undefined : await credentials.findPlan(planId);
  const isDenied =
    (account === undefined && requiresCatalogAccount(token, issuer)) || (planId !== undefined && plan === undefined);
  if (isDenied) return GetTokenInfoResponse.create({ state: State.UNKNOWN });
  // Otherwise the counters of the account belong to another plan than the token's.
  const hasPlanOfAccount = account !== undefined && account.planId === planId;
  return GetTokenInfoResponse.create({
    ...(status === 'valid' ? describeAccountState(account ?? UNRESTRICTED, Date.now()) : { state: STATES[status] }),
    tokenId: token.tokenId ?? '',
    account: account === undefined ? token.accountId : `accounts/${account.id}`,
    plan: planId === undefined ? '' : `plans/${planId}`,
    ...combineGrants(plan, token),
    role: token.isAdmin ? 'admin' : '',
    expireTime: new Date(token.expiresAt),
    remaining: hasPlanOfAccount ? await readRemainingLimits(counters, { kind: 'account', id: account.id }) : [],
  });
}

/** The resource name of a token that has an id. */
function nameToken({ issuerId, tokenId }: VerifiedToken): string {
  return `${issuerId === undefined ? '' : `issuers/${issuerId}/`}tokens/${tokenId}`;
}

/**
 * Revokes a JWT that its holder has presented. `rejection`: the error for a call beyond the limit. Such a call may still
 * revoke a token that is in force, but it has one attempt to have the token verified.
 */
export async function disableJwt(
  jwt: string,
  peer: string,
  options: TokenInfoOptions & { readonly database: Database },
  rejection: ApiError | undefined,
): Promise<void> {
  const presented = await verifyPresentedToken(jwt, peer, options, rejection === undefined ? undefined : 0);
  const isInForce = presented.kind === 'verified' && presented.status === 'valid';
  if (rejection !== undefined && !isInForce) throw rejection;
  // The token has no name, and it must not be repeated.
  if (presented.kind === 'unverified') throw new ApiError({ kind: 'not_found', name: 'tokens/-' });
  const revocation = toTokenRevocation(presented.token);
  if (revocation === undefined) {
    const description = 'must have a jti claim; without one, ask an administrator to revoke the tokens of the account';
    throw invalidArgument({ field: 'secret', description });
  }
  nameActor({ kind: 'TOKEN', name: nameToken(presented.token) });
  await recordRevocation(options.database.em.fork(), revocation);
}
