import type { PlanLimit } from '../limits/plan-limit.ts';
import type { Issuer, JsonWebKey } from './issuer.ts';

/** `iss` and `aud` of tokens of our own. */
export const OWN_ISSUER = 'weir';

/** Signature algorithms (RFC 7518, RFC 8037) that tokens of our own may have. */
export const OWN_ALGORITHMS = ['EdDSA', 'ES256', 'RS256', 'HS256'] as const;
export type OwnAlgorithm = (typeof OWN_ALGORITHMS)[number];

/** What the signature of a token proves, and nothing else: whether it is in force is judged each time that it is used. */
export interface TokenRecord {
  /** undefined: a token of our own. */
  readonly issuerId: string | undefined;
  /** The claim `jti`; undefined: it has none. */
  readonly tokenId: string | undefined;
  /** The sign-in that it belongs to; undefined: none, so that no log-out ends it. */
  readonly sessionId: string | undefined;
  readonly accountId: string;
  /** What the token itself says; undefined: the plan of its account, else its issuer's. */
  readonly planId: string | undefined;
  /** Beside the plan's; with neither plan nor limits a token is refused. */
  readonly limits: readonly PlanLimit[];
  readonly features: readonly string[];
  readonly isAdmin: boolean;
  /** Unix time in ms; undefined where the token does not say. */
  readonly issuedAt: number | undefined;
  readonly notBefore: number | undefined;
  readonly expiresAt: number;
}

/** Whether its account must be in the catalog: a stateless token of our own needs none, and issuers have their own. */
export function isOfCatalog({ sessionId }: TokenRecord, issuer: Issuer | undefined): boolean {
  return issuer === undefined ? sessionId !== undefined : issuer.catalogAccounts;
}

/** The plan that a token is on: what it says itself, else its account's (undefined: not in the catalog), else its issuer's. */
export function planIdOf(
  { planId }: TokenRecord,
  account: { readonly planId: string } | undefined,
  issuer: Issuer | undefined,
): string | undefined {
  return planId ?? account?.planId ?? issuer?.defaultPlanId;
}

/** What is known of the signature of a token. Whether the token is in force is judged each time that it is used. */
export type Verification =
  | {
      readonly kind: 'good';
      /** The same object as long as it is remembered. */
      readonly token: TokenRecord;
      /** undefined: a token of our own. */
      readonly issuer: Issuer | undefined;
    }
  | { readonly kind: 'bad'; readonly code: 'malformed_credential' | 'unknown_credential' | 'expired_credential' }
  /** It cannot be told now, and must not be taken for either. */
  | { readonly kind: 'unavailable' };

/** A key of our own that tokens are verified with. */
export interface VerifyingKey {
  /** The header `kid`. */
  readonly id: string;
  readonly algorithm: string;
  /** Undefined for HS256, whose key verifies and signs alike: `sealedJwk` holds it (identity/sealed-key.ts opens it). */
  readonly publicJwk: JsonWebKey | undefined;
  readonly sealedJwk: string | undefined;
  /** Unix time in ms; undefined: no end is set. */
  readonly expiresAt: number | undefined;
}

/** Whose signatures are good: another object after each change, so that whoever works something out of it sees that. */
export interface TokenTrust {
  /** Without those that are disabled. */
  readonly issuers: readonly Issuer[];
  readonly keys: readonly VerifyingKey[];
}

/** Tokens of one issuer that are refused although their signature is good. */
export interface Revocation {
  /** undefined: tokens of our own. */
  readonly issuerId: string | undefined;
  readonly kind: 'token' | 'session' | 'account';
  readonly value: string;
  /** Of an account: only tokens that were issued before (Unix time in ms), or do not say when; undefined: all. */
  readonly issuedBefore: number | undefined;
}
