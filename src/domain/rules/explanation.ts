import type { CounterState } from '../counting/counter-admin.ts';
import type { Entry } from '../descriptor.ts';
import type { Limit } from '../limits/limit.ts';
import type { MatchExplanation } from './explain-match.ts';

/** What is to be explained. Messages are Envoy's, encoded. */
export type ExplainQuestion =
  | { readonly kind: 'rate_limit' | 'check'; readonly message: Uint8Array }
  /** `id` without the collection of its resource name. */
  | { readonly kind: 'api_key'; readonly id: string }
  | { readonly kind: 'secret'; readonly secret: string };

/** Explains without a charge. Throws ProblemError. */
export type Explain = (question: ExplainQuestion) => Promise<Explanation>;

export interface Explanation {
  /** As metrics name it; a denial's code. */
  readonly answer: string;
  /** Ids; undefined where the question names nobody who may come in, or a token without them. */
  readonly keyId: string | undefined;
  readonly accountId: string | undefined;
  readonly planId: string | undefined;
  readonly descriptors: readonly ExplainedDescriptor[];
  /** Those that are charged in the order in which they are, then others. */
  readonly limits: readonly ExplainedLimit[];
}

export interface ExplainedDescriptor {
  readonly domain: string;
  readonly entries: readonly Entry[];
  readonly match: MatchExplanation;
}

export interface ExplainedLimit {
  readonly label: string;
  readonly limit: Limit;
  readonly use: LimitUse;
  readonly hits: number;
  /** It would refuse, or as a shadow or quota would say so. */
  readonly isExceeded: boolean;
  /** undefined: nothing is counted, or the counters cannot be reached. */
  readonly state: CounterState | undefined;
}

/** What a question does to a limit that it meets. */
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
