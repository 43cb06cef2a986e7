import type { DescriptorEntry } from '../descriptor.ts';
import type { CountedLimit } from '../limits/limit.ts';

/** Selects the counters of one subject. */
export type CounterSelector =
  | { readonly kind: 'descriptor'; readonly domain: string; readonly entries: readonly DescriptorEntry[] }
  /** `id` is the resource name without its collection. */
  | { readonly kind: 'api_key' | 'account'; readonly id: string };

/** A counter that an administrator can read and change. */
export interface AdminCounter {
  /** Names the limit as responses do: by plan, key or rule, and limit. */
  readonly label: string;
  readonly subject: string;
  readonly limit: CountedLimit;
}

/** Contents of a counter. Times are Unix times in ms, by the clock of the store. */
export interface CounterSnapshot {
  readonly remaining: number;
  /** Time at which the entire limit is available again if nothing more is charged; undefined: it is available now. */
  readonly resetAt: number | undefined;
  /** The counter rejects everything, even a peek. */
  readonly isBlocked: boolean;
  /** End of the block; undefined: there is no block, or its end is unknown. */
  readonly blockEndsAt: number | undefined;
}

/** Port for administrators to find, read and change counters. */
export interface CounterAccess {
  /** Finds the counters of all limits that count the subject; undefined: there is no such rule, key or account. */
  find(selector: CounterSelector): readonly AdminCounter[] | undefined;
  /** Reads counters in their order; undefined while the counters that all nodes share are unavailable. */
  peek(counters: readonly AdminCounter[]): Promise<readonly CounterSnapshot[] | undefined>;
  /** Returns whether all counters were changed. If not, any number of them may have been. */
  change(counters: readonly AdminCounter[], change: CounterChange): Promise<boolean>;
}

/** A manual change of a counter. */
export type CounterChange =
  /** Forgets all charges and any block. */
  | { readonly kind: 'reset' }
  /** Rejects everything from now on for this time, also if the limit has no `block_for`. Replaces any other block. */
  | { readonly kind: 'block'; readonly microseconds: number }
  /** Ends a block, whether manual or automatic. Charges stay. */
  | { readonly kind: 'unblock' };
