import type { ConfigurationFault } from './configuration-fault.ts';
import type { SourcedCredential } from './presented-credential.ts';

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
  /**
   * The credential by the configured sources, in place of `apiKeyHeader`, `authorizationHeader` and `queryKey`. undefined:
   * no sources are configured, and these three are.
   */
  readonly sourced?: SourcedCredential | undefined;
  /** The header that names the client’s device. undefined: absent, or no such header is configured. */
  readonly device: string | undefined;
  /** The name of the route, from its context extension `weir.route` or another source. undefined: none has it. */
  readonly route: string | undefined;
  /** IP address of the client: of Envoy's peer, or the one in the configured header. undefined: unknown. */
  readonly sourceAddress: string | undefined;
  /** The route's setting `weir.rate_limit` is `off`: the rate limit filter will charge the plan. */
  readonly rateLimitOff: boolean;
  /** The route's setting `weir.auth` is `optional`: without a credential the request passes, as anonymous. */
  readonly allowsAnonymous: boolean;
  /**
   * A CORS preflight, which never has a credential, on a route whose context extension `weir.cors_preflight` is
   * `allow`.
   */
  readonly isAllowedPreflight: boolean;
  /** Hits charged to each limit of plan and key, from the route's setting `weir.cost`. */
  readonly cost: number;
  /** Features that the route's setting `weir.require` lists. */
  readonly requiredFeatures: readonly string[];
  /** The route needs no credential, and Weir reads none: the request passes as anonymous. undefined: it does. */
  readonly ignoresCredential?: boolean | undefined;
  /** Why a route table denies the request before anything else. undefined: it does not, or there is none. */
  readonly pathFault?: 'ambiguous_path' | 'unknown_route' | undefined;
  /** What Weir does not understand in the settings of the route. undefined: nothing. */
  readonly configurationFault: ConfigurationFault | undefined;
  /** Names of headers in which the client impersonates Weir, to be removed before the request goes upstream. */
  readonly forgedHeaders: readonly string[];
}
