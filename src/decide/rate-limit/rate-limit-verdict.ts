import type { LimitStatus } from '../../domain/limit-status.ts';
import type { Metadata } from '../../domain/metadata.ts';
import type { Source } from '../ports.ts';

/** What is told of one descriptor. */
export interface DescriptorVerdict {
  readonly overLimit: boolean;
  /** Of the limits that it charged, the tightest; undefined where none applies. */
  readonly status: LimitStatus | undefined;
  /** Its rule says that nothing limits it. */
  readonly isUnlimited?: true;
  /** What metrics name its rule by; undefined: it has none. */
  readonly metricName?: string | undefined;
}

export type RateLimitVerdict =
  | {
      readonly kind: 'rate_limit';
      readonly overLimit: boolean;
      readonly source: Source | 'rules';
      /** One for each descriptor, in their order. */
      readonly descriptors: readonly DescriptorVerdict[];
      /** Every limit that was charged, in the order of the descriptors, those in quota mode last. */
      readonly limits: readonly LimitStatus[];
      /** The tightest of them, which refused if any did; undefined where there is none. */
      readonly deciding: LimitStatus | undefined;
      /** undefined where no retry is promised. */
      readonly retryAfterSeconds: number | undefined;
      /** With which slots that were granted are given back, and what was reserved is settled (receipt-text.ts). */
      readonly receipt: string | undefined;
      /** What the candidates of rules would have done, where they were asked. */
      readonly candidates: readonly CandidateVerdict[];
      /** Of the rules that let their descriptors pass. */
      readonly metadata: readonly Metadata[];
    }
  /** Nothing can be told, because the counters cannot be reached, or the catalog has not been followed for too long. */
  | { readonly kind: 'unavailable'; readonly away: 'counters' | 'catalog' };

export interface CandidateVerdict {
  readonly rule: string;
  readonly verdict: 'ok' | 'would_deny' | 'unavailable';
}

/** Of a request that charges nothing, but for its descriptors. */
export const NOTHING_CHARGED = {
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
