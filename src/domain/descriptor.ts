import type { LimitOverride } from './limits/limit-override.ts';

/** One entry of a rate-limit descriptor. */
export interface Entry {
  readonly key: string;
  readonly value: string;
}

/** One descriptor of a rate-limit request: what Envoy wants counted, most general entry first. */
export interface Descriptor {
  readonly entries: readonly Entry[];
  /** In place of what the rule has; undefined: what the rule has. */
  readonly limit?: LimitOverride | undefined;
  /** Hits to charge; 0 looks and charges nothing. */
  readonly hits: number;
  /** The hits are to be given back, not charged: of what a receipt names, so many of each charge at most. */
  readonly isRefund: boolean;
}
