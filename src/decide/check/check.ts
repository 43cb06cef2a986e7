import type { DenialCode } from '../../domain/denial.ts';
import type { LimitStatus } from '../../domain/limit-status.ts';
import type { VerifiedToken } from '../../domain/tokens/token.ts';
import type { KeyRecord, Source } from '../ports.ts';

/** What Envoy asks about one request, as far as it matters. */
export interface CheckQuestion {
  /** The x-request-id of the request that is checked; undefined when absent. Not looked at: an answer may repeat it. */
  readonly requestIdHeader: string | undefined;
  /** The content-type header; undefined when absent. Likewise. */
  readonly contentTypeHeader: string | undefined;
  /** The x-api-key header; undefined when absent. */
  readonly apiKeyHeader: string | undefined;
  /** The authorization header; undefined when absent. */
  readonly authorizationHeader: string | undefined;
  /** The query parameter that may carry an API key; empty when absent, or when none is configured. */
  readonly queryKey: string;
  /** As which it is written in the query: to be taken out on the way to the upstream. */
  readonly queryKeyNames: readonly string[];
  /** The header by which clients name their device; undefined when absent, or when none is configured. */
  readonly device: string | undefined;
  /** The route's context extension `weir.route`; undefined when absent. */
  readonly route: string | undefined;
  /** Who connected to Envoy, or for whom, if a header is configured that tells; an IP address; undefined: it is not told. */
  readonly sourceAddress: string | undefined;
  /** The route's context extension `weir.rate_limit` is `off`: the RLS filter will charge the plan. */
  readonly rateLimitOff: boolean;
  /** The route's context extension `weir.auth` is `optional`: who has no credential comes in without an identity. */
  readonly allowsAnonymous: boolean;
  /** A CORS preflight, on a route whose context extension `weir.cors_preflight` is `allow`; it has no credential. */
  readonly isAllowedPreflight: boolean;
  /** Hits of each limit of plan and key, by the route's context extension `weir.cost`; undefined: it is no such number. */
  readonly cost: number | undefined;
  /** Of the route's context extension `weir.require`. */
  readonly requiredFeatures: readonly string[];
  /** Header names under which a client tried to pass for Weir: to be removed on the way to the upstream. */
  readonly forgedHeaders: readonly string[];
}

export type CheckVerdict =
  | {
      readonly kind: 'allowed';
      readonly question: CheckQuestion;
      /** The same object until something of it changes, so that what is made of it may be kept by it. */
      readonly credential: KeyRecord | VerifiedToken;
      /** undefined: a token came, and no key. */
      readonly keyId: string | undefined;
      /** By which it was charged; undefined: by the token's own limits alone. */
      readonly planId: string | undefined;
      /** The header that carried the credential, which the upstream must not see; undefined: the query did. */
      readonly credentialHeader: CredentialHeader | undefined;
      /** The authorization header carries another API key, which the upstream must not see either. */
      readonly removesAuthorization: boolean;
      readonly limits: readonly LimitStatus[];
      readonly source: Source | 'catalog';
    }
  | {
      readonly kind: 'anonymous';
      readonly question: CheckQuestion;
      readonly limits: readonly LimitStatus[];
      readonly source: Source | 'catalog';
    }
  | {
      readonly kind: 'denied';
      readonly question: CheckQuestion;
      readonly code: DenialCode;
      readonly limits: readonly LimitStatus[];
      /** undefined where no retry is promised. */
      readonly retryAfterSeconds: number | undefined;
      readonly source: Source | 'catalog';
    };

export type CredentialHeader = 'x-api-key' | 'authorization';
