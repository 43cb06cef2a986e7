import { type CompactToken, readCompactToken, type TokenFault } from './compact-token.ts';
import { expectOneOf, explainTokenFault } from './explain-token-fault.ts';
import type { TokenTrust, VerificationKey } from './token.ts';

/**
 * Explains to an administrator why a token is rejected: what was expected and what was found. Shows single values of
 * bounded length, never the token. `ownIssuer` is the claim `iss` of Weir's own tokens.
 */
export function explainRejectedToken(
  fault: TokenFault,
  text: string,
  { issuers, keys }: TokenTrust,
  ownIssuer: string,
): string {
  const read = readCompactToken(text);
  if (typeof read === 'string') return explainTokenFault(read, undefined, undefined, []);
  const { iss } = read.claims;
  const issuer = issuers.find((trusted) => trusted.issuer === iss || trusted.aliases.some((alias) => alias === iss));
  if (issuer !== undefined) {
    const keyIds = issuer.keys.kind === 'static' ? issuer.keys.jwks.keys.flatMap(({ kid }) => kid ?? []) : [];
    return explainTokenFault(fault, read, issuer, keyIds);
  }
  if (iss === ownIssuer) return explainOwnToken(fault, read, keys);
  if (fault !== 'issuer') return explainTokenFault(fault, read, undefined, []);
  return expectOneOf('iss', [ownIssuer, ...issuers.flatMap((trusted) => [trusted.issuer, ...trusted.aliases])], iss);
}

function explainOwnToken(fault: TokenFault, token: CompactToken, keys: readonly VerificationKey[]): string {
  const { header } = token;
  if (fault === 'key') {
    const keyIds = keys.map(({ id }) => id);
    return expectOneOf('kid', keyIds.length === 0 ? ['a key of Weir'] : keyIds, header.kid);
  }
  if (fault === 'algorithm') {
    const key = keys.find(({ id }) => id === header.kid);
    return expectOneOf('alg', key === undefined ? ['that of the key'] : [key.algorithm], header.alg);
  }
  return explainTokenFault(fault, token, undefined, []);
}
