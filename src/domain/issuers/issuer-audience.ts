import type { FieldFault } from '../validation/field-fault.ts';
import { withFound } from '../validation/found-value.ts';
import { findWildcards, validateClaimPath, validateOptionalList } from './issuer-text.ts';

/**
 * The claims that can name the audience of a token: `aud` (RFC 7519), `client_id` (RFC 9068), `azp` (OpenID Connect Core
 * 1.0, section 2).
 */
export const AUDIENCE_CLAIMS = ['aud', 'client_id', 'azp'] as const;
export type AudienceClaim = (typeof AUDIENCE_CLAIMS)[number];
export const DEFAULT_AUDIENCE_CLAIM: AudienceClaim = 'aud';

/** A claim that a token must have with exactly this text as its value. */
export interface RequiredClaim {
  /** A name or a path (claim-path.ts). */
  readonly path: string;
  readonly value: string;
}

export function isAudienceClaim(name: string): name is AudienceClaim {
  return AUDIENCE_CLAIMS.some((claim) => claim === name);
}

/**
 * Validates which claim names the audience. `client_id` and `azp` say who got the token, not whom it is for, so another
 * claim must say that it is the right kind of token.
 */
export function validateAudienceClaim(name: string, requiredClaims: Readonly<Record<string, string>>): FieldFault[] {
  if (!isAudienceClaim(name)) {
    const description = withFound(`must be one of ${AUDIENCE_CLAIMS.join(', ')}`, name);
    return [{ field: 'audience_claim', description }];
  }
  if (name === 'aud' || Object.keys(requiredClaims).length > 0) return [];
  const description = `must have at least one item if audience_claim is ${name}, such as {"token_use": "access"}`;
  return [{ field: 'required_claims', description }];
}

/** Validates required claims, by path. */
export function validateRequiredClaims(requiredClaims: Readonly<Record<string, string>>): readonly FieldFault[] {
  const field = 'required_claims';
  const values = Object.values(requiredClaims);
  return [
    ...Object.keys(requiredClaims).flatMap((path) => validateClaimPath(field, path)),
    ...validateOptionalList(field, values),
    ...findWildcards(field, values),
  ];
}
