import type { CounterSnapshot } from './counting/counter-admin.ts';
import type { DescriptorEntry } from './descriptor.ts';
import type { Limit } from './limits/limit.ts';
import type { MatchExplanation } from './rules/explain-match.ts';

/** The request to explain. Messages are Envoy's, encoded. */
export type ExplainQuestion =
  | { readonly kind: 'rate_limit' | 'check'; readonly message: Uint8Array }
  /** `id` is the key's resource name without its collection. */
  | { readonly kind: 'api_key'; readonly id: string }
  | { readonly kind: 'secret'; readonly secret: string };

/** Explains a decision without charging anything. Throws ApiError. */
export type Explain = (question: ExplainQuestion) => Promise<Explanation>;

export interface Explanation {
  /** The decision as metrics name it; for a denial its code. */
  readonly answer: string;
  /** Ids; undefined if no credential is accepted, or if a token does not carry them. */
  readonly keyId: string | undefined;
  readonly accountId: string | undefined;
  readonly planId: string | undefined;
  /**
   * The fault of the credential of a Check, or why the domain `plans` rejects a request without counting it. undefined:
   * there is none, or the answer says it all.
   */
  readonly credentialFault?: string | undefined;
  readonly descriptors: readonly ExplainedDescriptor[];
  /** Charged limits in the order in which they are charged, then the others. */
  readonly limits: readonly ExplainedLimit[];
}

export interface ExplainedDescriptor {
  readonly domain: string;
  readonly entries: readonly DescriptorEntry[];
  readonly match: MatchExplanation;
}

export interface ExplainedLimit {
  readonly label: string;
  readonly limit: Limit;
  readonly use: LimitUse;
  readonly hits: number;
  /** The limit would reject, or, as a shadow or quota, would report that it does. */
  readonly isExceeded: boolean;
  /** The hits exceed the limit even when nothing is charged. */
  readonly costExceedsLimit: boolean;
  /** undefined: nothing is counted, or the counters are unavailable. */
  readonly state: CounterSnapshot | undefined;
}

/** How a request uses a limit that it matches. */
export type LimitUse =
  | 'charged'
  | 'shadow'
  | 'quota'
  | 'replaced'
  | 'overridden'
  | 'other_route'
  | 'rate_limit_off'
  | 'not_allowed'
  | 'unlimited';
