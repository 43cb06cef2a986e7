/**
 * Envoy's question about one request: the parts that Weir reads. undefined for a header: the request does not have it.
 */
export interface CheckQuestion {
  /** The x-request-id header. Decisions ignore it; a response may repeat it. */
  readonly requestIdHeader: string | undefined;
  /** The content-type header. Decisions ignore it; a response may depend on it. */
  readonly contentTypeHeader: string | undefined;
  /** The x-api-key header. */
  readonly apiKeyHeader: string | undefined;
  /** The authorization header. */
  readonly authorizationHeader: string | undefined;
  /** Value of the query parameter that may carry an API key. Empty: absent, or no such parameter is configured. */
  readonly queryKey: string;
  /** That parameter's name in each spelling of the query, to be removed before the request goes upstream. */
  readonly queryKeyNames: readonly string[];
  /** The header that names the client’s device. undefined: absent, or no such header is configured. */
  readonly device: string | undefined;
  /** The route's context extension `weir.route`. undefined: absent. */
  readonly route: string | undefined;
  /** IP address of the client: of Envoy's peer, or the one in the configured header. undefined: unknown. */
  readonly sourceAddress: string | undefined;
  /** The route's context extension `weir.rate_limit` is `off`: the rate limit filter will charge the plan. */
  readonly rateLimitOff: boolean;
  /** The route's context extension `weir.auth` is `optional`: without a credential the request passes, as anonymous. */
  readonly allowsAnonymous: boolean;
  /**
   * A CORS preflight, which never has a credential, on a route whose context extension `weir.cors_preflight` is
   * `allow`.
   */
  readonly isAllowedPreflight: boolean;
  /**
   * Hits charged to each limit of plan and key, from the route's context extension `weir.cost`. undefined: the
   * extension is not a valid number.
   */
  readonly cost: number | undefined;
  /** Features that the route's context extension `weir.require` lists. */
  readonly requiredFeatures: readonly string[];
  /** Names of headers in which the client impersonates Weir, to be removed before the request goes upstream. */
  readonly forgedHeaders: readonly string[];
}

export type CredentialHeader = 'x-api-key' | 'authorization';
