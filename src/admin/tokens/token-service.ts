import { randomUUID } from 'node:crypto';
import { AccountEntity, IssuerEntity, PlanEntity } from '../../database/entities.ts';
import type { Database } from '../../database/open-database.ts';
import { recordRevocation } from '../../database/record-revocation.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { parseDuration } from '../../domain/limits/duration.ts';
import { MAX_TOKEN_LENGTH } from '../../domain/tokens/compact-token.ts';
import type { Revocation } from '../../domain/tokens/token.ts';
import { isClaimName } from '../../domain/tokens/token-claims.ts';
import type {
  IssueTokenRequest,
  RevokeTokenRequest,
  RevokeTokensRequest,
  TokenServiceService,
} from '../../generated/weir/admin/v1/token_service.ts';
import { issueStatelessToken, type StatelessTokenClaims } from '../../identity/issue-tokens/stateless-token.ts';
import { type Authenticate, requireAdmin } from '../auth/caller.ts';
import {
  type ExpiringRevocation,
  type TokenVerification,
  toTokenRevocation,
  verifyPresentedToken,
} from '../auth/verify-presented-token.ts';
import { FieldViolations } from '../shared/field-violations.ts';
import { readFeatures, readLimits } from '../shared/limits-and-features.ts';
import type { Handlers } from '../shared/service.ts';
import type { SigningKeyRing } from '../signing-keys/signing-key-ring.ts';

export interface TokenServiceOptions extends TokenVerification {
  readonly database: Database;
  readonly authenticate: Authenticate;
  readonly signingKeys: SigningKeyRing;
}

/** Of a stateless token: revocations and signing keys are kept as long. */
const LONGEST_SECONDS = 366 * 86_400;
const A_NAME = 'must be 1 to 256 printable characters of ASCII, without a space at either end';

export function createTokenService(options: TokenServiceOptions): Handlers<TokenServiceService> {
  const { database, authenticate, signingKeys } = options;
  return {
    async issueToken(request, context) {
      requireAdmin(await authenticate(context));
      const { lifetimeSeconds, ...claims } = readClaims(request);
      await requireKnown(database, claims);
      const issueTime = new Date();
      const expireTime = new Date((Math.floor(issueTime.getTime() / 1000) + lifetimeSeconds) * 1000);
      const tokenId = randomUUID();
      const signer = await signingKeys.signerUntil(expireTime);
      const token = await issueStatelessToken(signer, { ...claims, tokenId, issueTime, expireTime });
      if (token.length > MAX_TOKEN_LENGTH) {
        const description = `would make a token of more than ${MAX_TOKEN_LENGTH} characters; put them into a plan`;
        throw invalidArgument({ field: 'limits', description });
      }
      return { token, tokenId, expireTime };
    },

    async revokeToken(request, context) {
      requireAdmin(await authenticate(context));
      const { revocation, expireTime } =
        request.token === '' ? await namedToken(request, database) : await tokenItself(request, context.peer, options);
      await recordRevocation(database.em.fork(), revocation, expireTime);
      return {};
    },

    async revokeTokens(request, context) {
      requireAdmin(await authenticate(context));
      await recordRevocation(database.em.fork(), await tokensOf(request, database), longestExpiry());
      return {};
    },
  };
}

type Claims = Pick<StatelessTokenClaims, 'accountId' | 'grants'> & { readonly lifetimeSeconds: number };

function readClaims({ account, plan, limits, features, role, ttl }: IssueTokenRequest): Claims {
  const faults = new FieldViolations();
  if (!isClaimName(account)) faults.add('account', A_NAME);
  const planId = plan === '' ? '' : faults.idOf('plans', 'plan', plan);
  const ownLimits = readLimits(faults, 'token', limits);
  const ownFeatures = readFeatures(faults, 'token', features);
  if (role !== '' && role !== 'admin') faults.add('role', 'must be admin or left out');
  const lifetimeSeconds = parseDuration(ttl) ?? 0;
  if (lifetimeSeconds === 0 || lifetimeSeconds > LONGEST_SECONDS) {
    faults.add('ttl', 'must be a whole number and a unit, such as 24h or 30d, and at most 366d');
  }
  faults.throwIfAny();
  const grants: Claims['grants'] = {
    ...(planId !== '' && { plan: planId }),
    ...(ownLimits.length > 0 && { limits: ownLimits }),
    ...(ownFeatures.length > 0 && { features: ownFeatures }),
    ...(role === 'admin' && { role }),
  };
  return { accountId: account, grants, lifetimeSeconds };
}

/** A token that Check would refuse helps nobody. */
async function requireKnown(database: Database, { accountId, grants }: Omit<Claims, 'lifetimeSeconds'>): Promise<void> {
  const em = database.em.fork();
  const { plan, limits, role } = grants;
  if (plan !== undefined && (await em.count(PlanEntity, { id: plan })) === 0) {
    throw invalidArgument({ field: 'plan', description: `names a plan that does not exist: plans/${plan}` });
  }
  if (plan !== undefined || limits !== undefined || role !== undefined) return;
  if ((await em.count(AccountEntity, { id: accountId })) > 0) return;
  const description = 'or limits must be given: the catalog has no such account, whose plan would count';
  throw invalidArgument({ field: 'plan', description });
}

/** The token is proof of itself. One that has expired is refused anyway; that is noted, too. */
async function tokenItself(
  request: RevokeTokenRequest,
  peer: string,
  parts: TokenVerification,
): Promise<ExpiringRevocation> {
  if (request.tokenId !== '' || request.issuer !== '' || request.expireTime !== undefined) {
    throw invalidArgument({ field: 'token', description: 'must be given alone, or left out' });
  }
  const presented = await verifyPresentedToken(request.token, peer, parts);
  if (presented.kind === 'unknown') {
    throw invalidArgument({ field: 'token', description: 'is not signed by a trusted key, or has expired' });
  }
  const revoked = toTokenRevocation(presented.token);
  if (revoked !== undefined) return revoked;
  throw invalidArgument({ field: 'token', description: 'has no jti to be revoked by; revoke those of its account' });
}

async function namedToken(request: RevokeTokenRequest, database: Database): Promise<ExpiringRevocation> {
  const faults = new FieldViolations();
  const { tokenId, issuer } = request;
  if (!isClaimName(tokenId)) faults.add('token_id', `${A_NAME}, unless the token is given`);
  const issuerId = issuer === '' ? undefined : faults.idOf('issuers', 'issuer', issuer);
  const expireTime = faults.time('expire_time', request.expireTime) ?? longestExpiry();
  faults.throwIfAny();
  await requireIssuer(database, issuerId);
  return { revocation: { issuerId, kind: 'token', value: tokenId, issuedBefore: undefined }, expireTime };
}

async function tokensOf(request: RevokeTokensRequest, database: Database): Promise<Revocation> {
  const faults = new FieldViolations();
  const { account, issuer } = request;
  if (!isClaimName(account)) faults.add('account', A_NAME);
  const issuerId = issuer === '' ? undefined : faults.idOf('issuers', 'issuer', issuer);
  const issuedBefore = faults.time('issued_before', request.issuedBefore) ?? new Date();
  if (issuedBefore > new Date()) faults.add('issued_before', 'must not be in the future');
  faults.throwIfAny();
  const row = await requireIssuer(database, issuerId);
  // As its tokens are known here: accounts that are the issuer's own are named after it.
  const value = row === undefined || row.catalogAccounts ? account : `${row.id}:${account}`;
  return { issuerId, kind: 'account', value, issuedBefore: issuedBefore.getTime() };
}

async function requireIssuer(database: Database, id: string | undefined): Promise<IssuerEntity | undefined> {
  if (id === undefined) return undefined;
  const row = await database.em.fork().findOne(IssuerEntity, id);
  if (row === null) throw new ApiError({ kind: 'not_found', name: `issuers/${id}` });
  return row;
}

function longestExpiry(): Date {
  return new Date(Date.now() + LONGEST_SECONDS * 1000);
}
