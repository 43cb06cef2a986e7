import type { LimitOverride } from './limits/limit-override.ts';

/** One key and value of a rate-limit descriptor. */
export interface DescriptorEntry {
  readonly key: string;
  readonly value: string;
}

/** One descriptor of a rate-limit request: what Envoy wants counted, most general entry first. */
export interface Descriptor {
  readonly entries: readonly DescriptorEntry[];
  /** Replaces the rule's limit; undefined: the rule's limit applies. */
  readonly limitOverride?: LimitOverride | undefined;
  /** Hits to charge; 0 peeks without charging. */
  readonly hits: number;
  /** Refunds the hits instead of charging them: at most that many for each charge that the receipt names. */
  readonly isRefund: boolean;
}
