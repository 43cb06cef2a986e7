import { parseFeatures } from '../credentials/features.ts';
import { parseKeyLimits } from '../limits/plan.ts';
import type { TokenFault } from './compact-token.ts';
import type { Issuer } from './issuer.ts';
import { OWN_ISSUER, type TokenRecord } from './token.ts';
import type { Members } from './unique-json.ts';

/** `typ` of what a sign-in gives: names an account of the catalog, and its session. */
export const ACCESS_TOKEN_TYPE = 'at+jwt';
/** `typ` of what an administrator issues: says itself what its holder may do. */
export const STATELESS_TOKEN_TYPE = 'weir+jwt';

type Times = Pick<TokenRecord, 'issuedAt' | 'notBefore' | 'expiresAt'>;

/** An account goes into a header for the upstream, where a line break would begin another header. */
const NAME = /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/;
/** The last one that a Date can hold. */
const LATEST_SECONDS = 8.64e12;

/** What a token of our own says; its signature is good or will be looked at. Never throws. */
export function readOwnClaims(claims: Members, type: string | undefined): TokenRecord | TokenFault {
  if (claims.iss !== OWN_ISSUER) return 'issuer';
  if (!isFor(claims.aud, [OWN_ISSUER])) return 'audience';
  const times = readTimes(claims);
  if (typeof times === 'string') return times;
  const { sub: accountId, jti: tokenId, sid: sessionId } = claims;
  if (!isName(accountId)) return 'account';
  if (!isName(tokenId)) return 'token_id';
  const record = { issuerId: undefined, tokenId, accountId, ...times };
  if (type === STATELESS_TOKEN_TYPE) {
    const grants = readGrants(claims.weir);
    return typeof grants === 'string' ? grants : { ...record, sessionId: undefined, ...grants };
  }
  if (type !== ACCESS_TOKEN_TYPE) return 'type';
  if (!isName(sessionId)) return 'session';
  return { ...record, sessionId, planId: undefined, limits: [], features: [], isAdmin: false };
}

type Grants = Pick<TokenRecord, 'planId' | 'limits' | 'features' | 'isAdmin'>;

const GRANTS = ['plan', 'limits', 'features', 'role'];

/** A member that is not known is a fault: a later version may narrow by it what this one would leave wide. */
function readGrants(written: unknown): Grants | TokenFault {
  if (typeof written !== 'object' || written === null || Array.isArray(written)) return 'grants';
  if (!Object.keys(written).every((name) => GRANTS.includes(name))) return 'grants';
  const { plan, limits = [], features = [], role } = written as Members; // an object, as was just seen
  if (plan !== undefined && !isName(plan)) return 'plan';
  if (!Array.isArray(limits) || !limits.every(isObject)) return 'limits';
  const parsedLimits = parseKeyLimits(limits);
  if ('faults' in parsedLimits) return 'limits';
  const parsedFeatures = Array.isArray(features) ? parseFeatures(features) : undefined;
  if (parsedFeatures === undefined || 'faults' in parsedFeatures) return 'features';
  if (role !== undefined && role !== 'admin') return 'role';
  return { planId: plan, limits: parsedLimits, features: parsedFeatures, isAdmin: role === 'admin' };
}

/** What a token of an issuer outside says, by the names that the issuer has for it; likewise. */
export function readIssuerClaims(claims: Members, issuer: Issuer): TokenRecord | TokenFault {
  if (claims.iss !== issuer.issuer) return 'issuer';
  if (!isFor(claims.aud, issuer.audiences)) return 'audience';
  const times = readTimes(claims);
  if (typeof times === 'string') return times;
  const names = issuer.claims;
  const account = accountOf(claimAt(claims, names.account));
  if (account === undefined) return 'account';
  const { jti: tokenId, sid: sessionId } = claims;
  if (tokenId !== undefined && !isName(tokenId)) return 'token_id';
  if (sessionId !== undefined && !isName(sessionId)) return 'session';
  const planId = names.plan === undefined ? undefined : claimAt(claims, names.plan);
  if (planId !== undefined && !isName(planId)) return 'plan';
  const features = names.features === undefined ? [] : listOf(claimAt(claims, names.features));
  if (features === undefined) return 'features';
  const roles = names.role === undefined ? [] : listOf(claimAt(claims, names.role));
  if (roles === undefined) return 'role';
  return {
    issuerId: issuer.id,
    tokenId,
    sessionId,
    accountId: issuer.catalogAccounts ? account : `${issuer.id}:${account}`,
    planId,
    limits: [],
    features,
    isAdmin: roles.some((role) => names.adminRoles.includes(role)),
    ...times,
  };
}

/** A member of that name (`https://example.com/roles`), else the way through objects that its dots tell. */
function claimAt(claims: Members, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let found: unknown = claims;
  for (const step of name.split('.')) {
    if (!isObject(found) || !Object.hasOwn(found, step)) return undefined;
    found = found[step];
  }
  return found;
}

function readTimes({ exp, nbf, iat }: Members): Times | TokenFault {
  if (!isTime(exp)) return 'times';
  if (nbf !== undefined && !isTime(nbf)) return 'times';
  if (iat !== undefined && !isTime(iat)) return 'times';
  const milliseconds = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1000);
  return { issuedAt: milliseconds(iat), notBefore: milliseconds(nbf), expiresAt: exp * 1000 };
}

/** A NumericDate (RFC 7519, 2). */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LATEST_SECONDS;
}

/** `aud` is one or a list of them (RFC 7519, 4.1.3). */
function isFor(audience: unknown, ours: readonly string[]): boolean {
  const listed: unknown[] = Array.isArray(audience) ? audience : [audience];
  return listed.some((each) => typeof each === 'string' && ours.includes(each));
}

function accountOf(claim: unknown): string | undefined {
  const written = Number.isSafeInteger(claim) ? String(claim) : claim;
  return isName(written) ? written : undefined;
}

/** A list of texts, or, as `scope` is written, one text with spaces between; none where there is no such claim. */
function listOf(claim: unknown): readonly string[] | undefined {
  if (claim === undefined) return [];
  if (typeof claim === 'string') return claim.split(' ').filter((each) => each !== '');
  return Array.isArray(claim) && claim.every((each) => typeof each === 'string') ? claim : undefined;
}

/** Whether it may name an account, a plan, a session or a token: up to 256 printable characters of ASCII, spaces inside. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value);
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
