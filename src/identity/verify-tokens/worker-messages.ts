import type { Issuer } from '../../domain/issuers/issuer.ts';
import type { JsonWebKey } from '../../domain/issuers/issuer-keys.ts';
import type { TokenFault } from '../../domain/tokens/compact-token.ts';
import type { VerifiedToken } from '../../domain/tokens/token.ts';

/** A key that verifies tokens issued by Weir. For HS256 `jwk` is the secret itself. */
export interface OwnVerificationKey {
  readonly id: string;
  readonly algorithm: string;
  readonly jwk: JsonWebKey;
}

/** A token for the worker to validate. */
export interface TokenJob {
  readonly id: number;
  readonly token: string;
  /** Network of the sender. Senders take turns. */
  readonly sender: string;
  /** The same token was verified before. Such tokens have turns of their own. */
  readonly isRenewal: boolean;
  /** Unix time in ms from which nobody waits for the result any more. */
  readonly deadline: number;
}

/** To the worker. The trusted signers always arrive before the tokens that are validated against them. */
export type MessageToWorker =
  | {
      readonly kind: 'trust';
      readonly version: number;
      /** The claim `iss` of Weir's own tokens. */
      readonly ownIssuer: string;
      readonly issuers: readonly Issuer[];
      readonly keys: readonly OwnVerificationKey[];
    }
  | { readonly kind: 'jobs'; readonly jobs: readonly TokenJob[] };

/** Result of validating a token in the worker. */
export type ValidationResult =
  | {
      readonly kind: 'verified';
      readonly token: VerifiedToken;
      /** Key of Weir that signed the token. undefined: an external issuer signed it. */
      readonly keyId: string | undefined;
      /** Version of the trusted signers that the token was validated against. */
      readonly trustVersion: number;
    }
  | { readonly kind: 'rejected'; readonly fault: TokenFault }
  /** The keys of the issuer are unavailable, or the deadline has passed. */
  | { readonly kind: 'unavailable' }
  /** There is no room for the token among those that wait for a turn. */
  | { readonly kind: 'crowded_out' };

export interface JobResult {
  readonly id: number;
  readonly result: ValidationResult;
}

/** From the worker: the results of one turn of its event loop, or whether the keys of an issuer could be fetched. */
export type MessageFromWorker =
  | { readonly kind: 'results'; readonly results: readonly JobResult[] }
  | { readonly kind: 'keys_fetched'; readonly issuerId: string }
  | { readonly kind: 'key_fetch_failed'; readonly issuerId: string; readonly problem: string };
