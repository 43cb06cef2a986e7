import { parseFeatures } from '../credentials/features.ts';
import { findClaim } from '../issuers/claim-path.ts';
import { type Issuer, issuerAccountId, OWN_AUDIENCE } from '../issuers/issuer.ts';
import { parseKeyLimits } from '../limits/plan.ts';
import type { TokenFault } from './compact-token.ts';
import type { VerifiedToken } from './token.ts';
import type { JsonObject } from './unique-json.ts';

/** `typ` of the tokens that a login returns. They name an account of the catalog and its session. */
export const ACCESS_TOKEN_TYPE = 'at+jwt';
/** `typ` of the tokens that an administrator issues. They carry their holder's permissions themselves. */
export const STATELESS_TOKEN_TYPE = 'weir+jwt';

/**
 * Printable ASCII: Weir sends the account to the upstream in a header, where a line break would begin another header.
 */
const CLAIM_NAME = /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/;
/** The last time that a Date can hold. */
const MAX_UNIX_SECONDS = 8.64e12;

type TokenTimes = Pick<VerifiedToken, 'issuedAt' | 'notBefore' | 'expiresAt'>;
type TokenGrants = Pick<VerifiedToken, 'planId' | 'limits' | 'features' | 'isAdmin'>;

const GRANT_MEMBERS = ['plan', 'limits', 'features', 'role'];

/**
 * Reads the claims of a token that Weir issued, whose `iss` is `ownIssuer`. Does not check the signature. Never throws.
 */
export function readOwnClaims(
  claims: JsonObject,
  type: string | undefined,
  ownIssuer: string,
): VerifiedToken | TokenFault {
  if (claims.iss !== ownIssuer) return 'issuer';
  if (!hasAudience(claims.aud, [OWN_AUDIENCE])) return 'audience';
  const times = readTimes(claims);
  if (typeof times === 'string') return times;
  const { sub: accountId, jti: tokenId, sid: sessionId } = claims;
  if (!isClaimName(accountId)) return 'account';
  if (!isClaimName(tokenId)) return 'token_id';
  const token = { issuerId: undefined, tokenId, accountId, ...times };
  if (type === STATELESS_TOKEN_TYPE) {
    const grants = readGrants(claims.weir);
    return typeof grants === 'string' ? grants : { ...token, sessionId: undefined, ...grants };
  }
  if (type !== ACCESS_TOKEN_TYPE) return 'type';
  if (!isClaimName(sessionId)) return 'session';
  return { ...token, sessionId, planId: undefined, limits: [], features: [], isAdmin: false };
}

/** Rejects unknown members: a later version may add one that narrows what this version would leave wide. */
function readGrants(claim: unknown): TokenGrants | TokenFault {
  if (!isObject(claim)) return 'grants';
  if (!Object.keys(claim).every((name) => GRANT_MEMBERS.includes(name))) return 'grants';
  const { plan, limits = [], features = [], role } = claim;
  if (plan !== undefined && !isClaimName(plan)) return 'plan';
  if (!Array.isArray(limits) || !limits.every(isObject)) return 'limits';
  const parsedLimits = parseKeyLimits(limits);
  if ('faults' in parsedLimits) return 'limits';
  const parsedFeatures = Array.isArray(features) ? parseFeatures(features) : undefined;
  if (parsedFeatures === undefined || 'faults' in parsedFeatures) return 'features';
  if (role !== undefined && role !== 'admin') return 'role';
  return { planId: plan, limits: parsedLimits, features: parsedFeatures, isAdmin: role === 'admin' };
}

/**
 * Reads the claims of an external issuer's token, by the issuer's claim names. Does not check the signature. Never
 * throws.
 */
export function readIssuerClaims(claims: JsonObject, issuer: Issuer): VerifiedToken | TokenFault {
  if (claims.iss !== issuer.issuer && !issuer.aliases.some((alias) => alias === claims.iss)) return 'issuer';
  if (!isForAudience(claims, issuer)) return 'audience';
  if (!issuer.requiredClaims.every(({ path, value }) => findClaim(claims, path) === value)) return 'required_claim';
  const times = readTimes(claims);
  if (typeof times === 'string') return times;
  const names = issuer.claims;
  const account = parseAccountId(findClaim(claims, names.account));
  if (account === undefined) return 'account';
  const { jti: tokenId, sid: sessionId } = claims;
  if (tokenId !== undefined && !isClaimName(tokenId)) return 'token_id';
  if (sessionId !== undefined && !isClaimName(sessionId)) return 'session';
  const planId = names.plan === undefined ? undefined : findClaim(claims, names.plan);
  if (planId !== undefined && !isClaimName(planId)) return 'plan';
  const features = names.features === undefined ? [] : parseStringList(findClaim(claims, names.features));
  if (features === undefined) return 'features';
  const roles = names.role === undefined ? [] : parseStringList(findClaim(claims, names.role));
  if (roles === undefined) return 'role';
  return {
    issuerId: issuer.id,
    tokenId,
    sessionId,
    accountId: issuerAccountId(issuer, account),
    planId,
    limits: [],
    features,
    isAdmin: roles.some((role) => names.adminRoles.includes(role)),
    ...times,
  };
}

function readTimes({ exp, nbf, iat }: JsonObject): TokenTimes | TokenFault {
  if (!isNumericDate(exp)) return 'times';
  if (nbf !== undefined && !isNumericDate(nbf)) return 'times';
  if (iat !== undefined && !isNumericDate(iat)) return 'times';
  const milliseconds = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1000);
  return { issuedAt: milliseconds(iat), notBefore: milliseconds(nbf), expiresAt: exp * 1000 };
}

/** NumericDate: RFC 7519, section 2. */
function isNumericDate(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_UNIX_SECONDS;
}

/** `aud` is one string or a list of strings (RFC 7519, section 4.1.3). */
function hasAudience(claim: unknown, accepted: readonly string[]): boolean {
  const audiences: unknown[] = Array.isArray(claim) ? claim : [claim];
  return audiences.some((audience) => typeof audience === 'string' && accepted.includes(audience));
}

/** A claim other than `aud` never overrides an `aud` that is for somebody else. */
function isForAudience(claims: JsonObject, { audienceClaim, audiences }: Issuer): boolean {
  if (audienceClaim === 'aud') return hasAudience(claims.aud, audiences);
  if (claims.aud !== undefined && !hasAudience(claims.aud, audiences)) return false;
  const audience = claims[audienceClaim];
  return typeof audience === 'string' && audiences.includes(audience);
}

function parseAccountId(claim: unknown): string | undefined {
  const accountId = Number.isSafeInteger(claim) ? String(claim) : claim;
  return isClaimName(accountId) ? accountId : undefined;
}

/**
 * Accepts a list of strings, or one string with spaces between the items, as in `scope`. A missing claim is an empty
 * list.
 */
function parseStringList(claim: unknown): readonly string[] | undefined {
  if (claim === undefined) return [];
  if (typeof claim === 'string') return claim.split(' ').filter((item) => item !== '');
  return Array.isArray(claim) && claim.every((item) => typeof item === 'string') ? claim : undefined;
}

/**
 * Whether a claim can name an account, a plan, a session or a token: up to 256 printable ASCII characters, with spaces
 * only inside.
 */
export function isClaimName(value: unknown): value is string {
  return typeof value === 'string' && CLAIM_NAME.test(value);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
