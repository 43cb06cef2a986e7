import type { DenialCode } from '../../domain/denial.ts';
import type { LimitStatus } from '../../domain/limits/limit-status.ts';
import type { Metadata } from '../../domain/metadata.ts';
import type { ConfigurationFault } from '../check/configuration-fault.ts';
import type { Source } from '../ports.ts';

export type RateLimitVerdict =
  | {
      readonly kind: 'rate_limit';
      readonly overLimit: boolean;
      /** `rules`: no limit was charged. */
      readonly source: Source | 'rules';
      /** One for each descriptor, in the same order. */
      readonly descriptors: readonly DescriptorVerdict[];
      /** Every limit that was charged, in the order of the descriptors. Those of rules in quota mode come last. */
      readonly limits: readonly LimitStatus[];
      /** The tightest of `limits`: one that rejects, if any does. undefined: there are none. */
      readonly deciding: LimitStatus | undefined;
      /** undefined: no retry is promised. */
      readonly retryAfterSeconds: number | undefined;
      /** Why the catalog rejects the request, whatever its limits say. undefined: it does not. */
      readonly rejectionCode?: DenialCode | undefined;
      /**
       * Encoded receipt (receipts/codec.ts), which frees granted slots and settles reservations. undefined: neither.
       */
      readonly receipt: string | undefined;
      /** Verdicts of the candidates of rules, as far as they were evaluated. */
      readonly candidates: readonly CandidateVerdict[];
      /** Metadata of the rules that let their descriptors pass. */
      readonly metadata: readonly Metadata[];
      /** Rules and plans that forget usage which seems to be spent already (forgotten-usage.ts). undefined: none. */
      readonly forgottenUsage?: readonly string[] | undefined;
      /** A descriptor whose keys Weir does not understand (misnamed-descriptor.ts). undefined: there is none. */
      readonly configurationFault?: ConfigurationFault | undefined;
    }
  /** No decision: the copy of the catalog is too old. */
  | { readonly kind: 'unavailable'; readonly dependency: 'catalog' };

export interface DescriptorVerdict {
  readonly overLimit: boolean;
  /** The tightest of the limits that the descriptor charged. undefined: it charged none. */
  readonly status: LimitStatus | undefined;
  /** Whole seconds until the block of its account ends. undefined: it has none. With a limit, its status says when. */
  readonly retryAfterSeconds?: number | undefined;
  /** Its rule or plan leaves it unlimited. */
  readonly isUnlimited?: true;
  /** The name of its rule in metrics. undefined: it has no rule. */
  readonly metricName?: string | undefined;
  /** Hits that it charged each of its limits. undefined: it charged none. */
  readonly hits?: number | undefined;
  /** Its rule rejects nothing, or only together with other quotas. undefined: it rejects by itself. */
  readonly mode?: 'shadow' | 'quota' | undefined;
}

export interface CandidateVerdict {
  /** The path of the rule. */
  readonly rule: string;
  readonly verdict: 'ok' | 'would_deny' | 'unavailable';
}

/** The verdict on a request that charges nothing, without its descriptors. */
export const UNCHARGED_VERDICT = {
  kind: 'rate_limit',
  overLimit: false,
  source: 'rules',
  limits: [],
  deciding: undefined,
  retryAfterSeconds: undefined,
  receipt: undefined,
  candidates: [],
  metadata: [],
} as const;
