/** Whether a request on a route needs a credential. `none`: Weir does not read any. */
export type RouteAuth = 'required' | 'optional' | 'none';

/** A route of the table, and the settings that requests on it get unless Envoy's configuration sends others. */
export interface Route {
  /** As limits and rules name it. */
  readonly name: string;
  /** In lower case, such as `api.example.com` or `*.example.com`. Empty: every host. */
  readonly hosts: readonly string[];
  /** In upper case. Empty: every method. */
  readonly methods: readonly string[];
  readonly segments: readonly RouteSegment[];
  /** Hits charged to each limit of plan and key; undefined: not set. */
  readonly cost?: number;
  /** undefined: not set. */
  readonly auth?: RouteAuth;
  /** Features that the credential and its plan together must have. */
  readonly require: readonly string[];
  /** Whether Check charges the plan; undefined: not set. */
  readonly rateLimit?: 'on' | 'off';
}

/** A segment that a path must have: a text, any text but the empty one, or one segment or more up to the end. */
export type RouteSegment = { readonly kind: 'literal'; readonly text: string } | typeof PARAMETER | typeof REST;

export const PARAMETER = { kind: 'parameter' } as const;
export const REST = { kind: 'rest' } as const;

/** How a table treats paths that are not plainly one of its routes. */
export interface RoutePolicy {
  /** `deny`: paths that could be read in two ways are denied. `opaque`: they are matched as they are. */
  readonly ambiguousPaths: 'deny' | 'opaque';
  /** Whether requests that no route matches are denied. */
  readonly unmatched: 'allow' | 'deny';
}

export const DEFAULT_ROUTE_POLICY: RoutePolicy = { ambiguousPaths: 'deny', unmatched: 'allow' };
