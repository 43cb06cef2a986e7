import { findClaim } from '../issuers/claim-path.ts';
import type { Issuer } from '../issuers/issuer.ts';
import type { CompactToken, TokenFault } from './compact-token.ts';
import { showClaim } from './show-claim.ts';

const CLAIM_TEXT = 'a text of 1 to 256 printable ASCII characters';
const STRING_LIST = 'a list of texts, or a text with spaces between the items';

/** Explanations of the faults that do not depend on the issuer. */
const EXPLANATIONS: Readonly<Partial<Record<TokenFault, string>>> = {
  not_compact: 'token: must have three parts that are separated by dots, none of them empty',
  encrypted: 'token: must be signed, not encrypted',
  not_base64url: 'token: each part must be base64url',
  not_utf8: 'token: header and claims must be UTF-8',
  not_json: 'token: header and claims must be JSON objects',
  duplicate_member: 'token: must not name a member of header or claims twice',
  key_in_header: 'header: must not have jwk, jku, x5u or x5c',
  critical: 'crit: must not be in the header',
  unencoded_payload: 'b64: must not be in the header',
  key_id: 'kid: must be 1 to 255 characters of A-Z, a-z, 0-9 and ._~:@+/=-, without ..',
  type: 'typ: must be a text',
  weak_key: 'signature: the key is unsuitable for the algorithm, such as RSA of less than 2048 bits',
  signature: 'signature: is not by the key of the issuer with this kid and alg',
  times: 'exp, nbf, iat: must be times in seconds since 1970, and exp must be there',
};

/**
 * Explains to an administrator why a token is not a valid token of the issuer: what was expected and what was found. Shows
 * single values of bounded length, never the token. `keyIds` are the ids of the issuer's keys. Without an issuer, it
 * explains only faults that do not depend on one.
 */
export function explainTokenFault(
  fault: TokenFault,
  token: CompactToken | undefined,
  issuer: Issuer | undefined,
  keyIds: readonly unknown[],
): string {
  const explanation = EXPLANATIONS[fault];
  if (explanation !== undefined || token === undefined) return explanation ?? `token: is invalid (${fault})`;
  const { header, claims } = token;
  if (fault === 'expired') return `exp: the token expired at ${new Date(Number(claims.exp) * 1000).toISOString()}`;
  if (fault === 'session') return expect('sid', CLAIM_TEXT, claims.sid);
  if (fault === 'token_id') return expect('jti', CLAIM_TEXT, claims.jti);
  if (issuer === undefined) return `token: is invalid (${fault})`;
  const names = [issuer.issuer, ...issuer.aliases];
  // First, because everything else about a token of another issuer misleads.
  if (!names.some((name) => name === claims.iss)) return expectOneOf('iss', names, claims.iss);
  switch (fault) {
    case 'algorithm':
      return expectOneOf('alg', issuer.algorithms, header.alg);
    case 'key':
      return expectOneOf('kid', keyIds.length === 0 ? ['a key of the issuer'] : keyIds, header.kid);
    case 'audience':
      return explainAudience(token, issuer);
    case 'required_claim':
      return explainRequiredClaim(token, issuer);
    case 'account':
    case 'plan':
    case 'features':
    case 'role':
      return explainNamedClaim(fault, token, issuer);
    default:
      return `token: is invalid (${fault})`;
  }
}

function explainAudience({ claims }: CompactToken, { audienceClaim, audiences }: Issuer): string {
  const { aud } = claims;
  const found: unknown[] = Array.isArray(aud) ? aud : [aud];
  const isAudRight = aud === undefined || found.some((audience) => audiences.some((accepted) => accepted === audience));
  const name = isAudRight ? audienceClaim : 'aud';
  return expectOneOf(name, audiences, claims[name]);
}

function explainRequiredClaim({ claims }: CompactToken, { requiredClaims }: Issuer): string {
  const differing = requiredClaims.find(({ path, value }) => findClaim(claims, path) !== value);
  if (differing === undefined) return 'required_claims: differ';
  return expect(showClaim(differing.path), showClaim(differing.value), findClaim(claims, differing.path));
}

function explainNamedClaim(
  name: 'account' | 'plan' | 'features' | 'role',
  { claims }: CompactToken,
  issuer: Issuer,
): string {
  const path = issuer.claims[name] ?? name;
  const expected = name === 'account' || name === 'plan' ? CLAIM_TEXT : STRING_LIST;
  return expect(`${showClaim(path)} (${name})`, expected, findClaim(claims, path));
}

export function expectOneOf(name: string, expected: readonly unknown[], found: unknown): string {
  return expect(name, expected.length === 1 ? showClaim(expected[0]) : `one of ${showClaim(expected)}`, found);
}

function expect(name: string, expected: string, found: unknown): string {
  return `${name}: expected ${expected}, found ${showClaim(found)}`;
}
