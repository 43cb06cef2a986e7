import type { Issuer } from '../issuers/issuer.ts';
import type { JsonWebKey } from '../issuers/issuer-keys.ts';
import type { PlanLimit } from '../limits/plan-limit.ts';
import type { TokenFault } from './compact-token.ts';

/** Signature algorithms (RFC 7518, RFC 8037) of the tokens that Weir issues. */
export const OWN_ALGORITHMS = ['EdDSA', 'ES256', 'RS256', 'HS256'] as const;
export type OwnAlgorithm = (typeof OWN_ALGORITHMS)[number];

/** Allowed difference between the clocks of issuer and verifier. */
const MAX_CLOCK_SKEW_MS = 30_000;

/** Contents of a token whose signature is valid. Whether the token is in force is checked at each use. */
export interface VerifiedToken {
  /** undefined: Weir issued the token. */
  readonly issuerId: string | undefined;
  /** The claim `jti`; undefined: the token has none. */
  readonly tokenId: string | undefined;
  /** The session that the token belongs to; undefined: none, so no logout ends it. */
  readonly sessionId: string | undefined;
  readonly accountId: string;
  /** The token's own plan; undefined: the plan of its account applies, else the plan of its issuer. */
  readonly planId: string | undefined;
  /** Limits that apply in addition to the plan's. A token with neither plan nor limits is denied. */
  readonly limits: readonly PlanLimit[];
  readonly features: readonly string[];
  readonly isAdmin: boolean;
  /** Times are Unix times in ms; undefined: the token does not say. */
  readonly issuedAt: number | undefined;
  readonly notBefore: number | undefined;
  readonly expiresAt: number;
}

/** Whether a token is in force at `now` (Unix time in ms), by its own times alone. */
export function tokenStatus(
  { notBefore, expiresAt }: Pick<VerifiedToken, 'notBefore' | 'expiresAt'>,
  now: number,
): 'valid' | 'expired' | 'early' {
  if (now >= expiresAt + MAX_CLOCK_SKEW_MS) return 'expired';
  return notBefore !== undefined && now < notBefore - MAX_CLOCK_SKEW_MS ? 'early' : 'valid';
}

/**
 * Whether the token's account must exist in the catalog. Stateless tokens of Weir need no account there, and issuers
 * may have accounts of their own.
 */
export function requiresCatalogAccount({ sessionId }: VerifiedToken, issuer: Issuer | undefined): boolean {
  return issuer === undefined ? sessionId !== undefined : issuer.catalogAccounts;
}

/**
 * Resolves the plan of a token: its own, else its account's, else its issuer's default. `account` is undefined if the
 * catalog does not have it.
 */
export function resolvePlanId(
  { planId }: Pick<VerifiedToken, 'planId'>,
  account: { readonly planId: string } | undefined,
  issuer: Issuer | undefined,
): string | undefined {
  return planId ?? account?.planId ?? issuer?.defaultPlanId;
}

/** Result of verifying the signature of a token. Whether the token is in force is checked at each use. */
export type Verification =
  | {
      readonly kind: 'verified';
      /** The same object while the verification stays cached. */
      readonly token: VerifiedToken;
      /** undefined: Weir issued the token. */
      readonly issuer: Issuer | undefined;
    }
  | {
      readonly kind: 'rejected';
      readonly code: 'malformed_credential' | 'unknown_credential' | 'expired_credential';
      readonly fault: TokenFault;
    }
  /** The signature cannot be verified now. The token must be treated neither as verified nor as rejected. */
  | { readonly kind: 'unavailable' };

/** A key that verifies tokens of Weir. */
export interface VerificationKey {
  /** The header `kid`. */
  readonly id: string;
  readonly algorithm: string;
  /**
   * undefined for HS256, where one key both signs and verifies: `sealedJwk` holds it
   * (identity/issue-tokens/key-sealer.ts).
   */
  readonly publicJwk: JsonWebKey | undefined;
  readonly sealedJwk: string | undefined;
  /** Unix time in ms; undefined: the key does not expire yet. */
  readonly expiresAt: number | undefined;
}

/**
 * Signers whose signatures are trusted. Each change creates a new object, so anything derived from it can be cached by
 * it.
 */
export interface TokenTrust {
  /** Without disabled issuers. */
  readonly issuers: readonly Issuer[];
  readonly keys: readonly VerificationKey[];
}

/** Tokens of one issuer that are denied although their signatures are valid. */
export interface Revocation {
  /** undefined: tokens that Weir issued. */
  readonly issuerId: string | undefined;
  readonly kind: 'token' | 'session' | 'account';
  readonly value: string;
  /**
   * For an account: revokes only tokens issued before this Unix time in ms, or without `iat`; undefined: all tokens.
   */
  readonly issuedBefore: number | undefined;
}
