import { AccountEntity } from '../../database/entities/account-entity.ts';
import { IssuerEntity } from '../../database/entities/issuer-entities.ts';
import type { Database } from '../../database/open-database.ts';
import type { ExpiringRevocation } from '../../database/statements/record-revocation.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { issuerAccountId, OWN_ISSUER } from '../../domain/issuers/issuer.ts';
import type { VerifiedToken } from '../../domain/tokens/token.ts';
import { isClaimName } from '../../domain/tokens/token-claims.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type { RevokeTokenRequest, RevokeTokensRequest } from '../../generated/weir/admin/v1/token_service.ts';
import { type TokenVerificationOptions, verifyPresentedToken } from '../callers/verify-presented-token.ts';
import { readTime } from '../fields/common-fields.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { readResourceName } from '../fields/resource-names.ts';

/** The longest lifetime of a stateless token. Revocations and signing keys are kept for as long. */
export const MAX_TOKEN_LIFETIME_SECONDS = 366 * 86_400;

/** The name of Weir as the issuer of tokens. */
const OWN = `issuers/${OWN_ISSUER}`;

/** Rule for the names of accounts and tokens in claims (`isClaimName`). */
export const CLAIM_NAME_RULE = 'must be 1 to 256 printable ASCII characters, without a space at either end';

/** The revocation of one token; undefined: the token has no `jti` claim to revoke it by. */
export function toTokenRevocation({ issuerId, tokenId, expiresAt }: VerifiedToken): ExpiringRevocation | undefined {
  if (tokenId === undefined) return undefined;
  const revocation = { issuerId, kind: 'token', value: tokenId, issuedBefore: undefined } as const;
  return { revocation, expireTime: new Date(expiresAt) };
}

/** Reads a revocation of one token, given by itself or by its id. */
export async function readTokenRevocation(
  request: RevokeTokenRequest,
  peer: string,
  options: TokenVerificationOptions & { readonly database: Database },
): Promise<ExpiringRevocation> {
  if (request.token === '') return readRevocationById(request, options.database);
  return readRevocationByToken(request, peer, options);
}

/** The token proves itself. One that has expired since it was verified is denied anyway, but revoked as well. */
async function readRevocationByToken(
  request: RevokeTokenRequest,
  peer: string,
  options: TokenVerificationOptions,
): Promise<ExpiringRevocation> {
  if (request.tokenId !== '' || request.issuer !== '' || request.expireTime !== undefined) {
    throw invalidArgument({ field: 'token', description: 'must be the only field of the request, or be left out' });
  }
  const presented = await verifyPresentedToken(request.token, peer, options);
  if (presented.kind === 'unverified') {
    throw invalidArgument({ field: 'token', description: 'must be signed by a trusted key and must not have expired' });
  }
  const revocation = toTokenRevocation(presented.token);
  if (revocation !== undefined) return revocation;
  const description = 'must have a jti claim; without one, revoke the tokens of its account';
  throw invalidArgument({ field: 'token', description });
}

async function readRevocationById(request: RevokeTokenRequest, database: Database): Promise<ExpiringRevocation> {
  const violations = new FieldViolations();
  const { tokenId } = request;
  if (!isClaimName(tokenId)) violations.add('token_id', `${CLAIM_NAME_RULE}, unless token is set`);
  const issuerId = readIssuerId(violations, request.issuer);
  const expireTime = readTime(violations, 'expire_time', request.expireTime) ?? maxExpireTime();
  violations.throwIfAny();
  if (issuerId !== undefined) await requireIssuer(database, issuerId);
  return { revocation: { issuerId, kind: 'token', value: tokenId, issuedBefore: undefined }, expireTime };
}

/** The revocation of all tokens of an account that were issued before a time. */
export interface AccountRevocation extends ExpiringRevocation {
  readonly issuedBefore: Date;
  /** Whether it covers tokens that Weir issued, and with them the sessions of the account. */
  readonly isOfOwnTokens: boolean;
}

/**
 * Reads a revocation of all tokens of an account that were issued before a time. Throws `not_found` for an account that
 * the catalog does not have, unless the request says whose account it is: a misspelled name would revoke nothing.
 */
export async function readAccountRevocation(
  request: RevokeTokensRequest,
  database: Database,
): Promise<AccountRevocation> {
  const violations = new FieldViolations();
  const account = readAccount(violations, request.account);
  const issuerId = readIssuerId(violations, request.issuer);
  const issuedBefore = readTime(violations, 'issued_before', request.issuedBefore) ?? new Date();
  if (issuedBefore > new Date()) {
    violations.add('issued_before', withFound('must not be in the future', issuedBefore.toISOString()));
  }
  violations.throwIfAny();
  const issuer = await findNamedIssuer(database, issuerId);
  if (issuerId === undefined && (await database.em.fork().count(AccountEntity, { id: account })) === 0) {
    throw new ApiError({ kind: 'not_found', name: `${request.account} (for stateless tokens, set issuer to ${OWN})` });
  }
  const value = issuer === undefined ? account : issuerAccountId(issuer, account);
  const revocation = { issuerId: issuer?.id, kind: 'account', value, issuedBefore: issuedBefore.getTime() } as const;
  return { revocation, expireTime: maxExpireTime(), issuedBefore, isOfOwnTokens: issuer === undefined };
}

/** Reads an account as tokens name it, or by its resource name. */
function readAccount(violations: FieldViolations, account: string): string {
  if (account.startsWith('accounts/')) return readResourceName(violations, 'accounts', 'account', account);
  if (!isClaimName(account)) violations.add('account', CLAIM_NAME_RULE);
  return account;
}

/** The issuer of an id; undefined: Weir. */
async function findNamedIssuer(database: Database, id: string | undefined): Promise<IssuerEntity | undefined> {
  if (id === undefined) return undefined;
  const row = await database.em.fork().findOne(IssuerEntity, id);
  if (row === null && id !== OWN_ISSUER) throw new ApiError({ kind: 'not_found', name: `issuers/${id}` });
  return row ?? undefined;
}

/** Undefined: Weir issued the tokens. */
function readIssuerId(violations: FieldViolations, issuer: string): string | undefined {
  return issuer === '' ? undefined : readResourceName(violations, 'issuers', 'issuer', issuer);
}

async function requireIssuer(database: Database, id: string): Promise<IssuerEntity> {
  const row = await database.em.fork().findOne(IssuerEntity, id);
  if (row === null) throw new ApiError({ kind: 'not_found', name: `issuers/${id}` });
  return row;
}

/** When the last token that exists now has expired, at the latest. */
export function maxExpireTime(): Date {
  return new Date(Date.now() + MAX_TOKEN_LIFETIME_SECONDS * 1000);
}
