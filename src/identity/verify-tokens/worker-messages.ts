import type { TokenFault } from '../../domain/tokens/compact-token.ts';
import type { Issuer } from '../../domain/tokens/issuer.ts';
import type { JsonWebKey } from '../../domain/tokens/issuer-keys.ts';
import type { VerifiedToken } from '../../domain/tokens/token.ts';

/** A key that tokens of our own are verified with; of HS256 the secret itself. */
export interface OwnKey {
  readonly id: string;
  readonly algorithm: string;
  readonly jwk: JsonWebKey;
}

export interface TokenJob {
  readonly id: number;
  readonly token: string;
  /** Who sent it, so that each sender has their turn. */
  readonly source: string;
  /** Unix time in ms: from then on nobody waits for it. */
  readonly until: number;
}

/** To the thread that verifies. Whose signatures are good comes before the tokens that are judged by it. */
export type ToWorker =
  | {
      readonly kind: 'trust';
      readonly version: number;
      readonly issuers: readonly Issuer[];
      readonly keys: readonly OwnKey[];
    }
  | { readonly kind: 'jobs'; readonly jobs: readonly TokenJob[] };

/** What the thread found out about a token. */
export type Judgement =
  | {
      readonly kind: 'good';
      readonly token: VerifiedToken;
      /** Of the key of our own that it was signed with; undefined: an issuer outside signed it. */
      readonly keyId: string | undefined;
      /** The version of what it was judged by. */
      readonly version: number;
    }
  | { readonly kind: 'bad'; readonly fault: TokenFault }
  /** It could not be told: the issuer's keys cannot be had, or it was too late. */
  | { readonly kind: 'unavailable' };

export interface Judged {
  readonly id: number;
  readonly judgement: Judgement;
}

/** From the thread: as many results as one turn of its loop has; or that the keys of an issuer could not be fetched. */
export type FromWorker =
  | { readonly kind: 'results'; readonly results: readonly Judged[] }
  | { readonly kind: 'unfetched'; readonly issuerId: string; readonly problem: string };
