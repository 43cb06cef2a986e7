import type { Entry } from '../descriptor.ts';
import type { CountedLimit } from '../limits/limit.ts';

/** Whom counters count. */
export type CounterSubject =
  | { readonly kind: 'descriptor'; readonly domain: string; readonly entries: readonly Entry[] }
  /** `id` without the collection of its resource name. */
  | { readonly kind: 'api_key' | 'account'; readonly id: string };

/** A counter, and where its limit stands. */
export interface AdminCounter {
  /** As in answers: plan, key or rule, and limit. */
  readonly label: string;
  readonly subject: string;
  readonly limit: CountedLimit;
}

/** What a counter says. Times are in Unix time in ms, by the clock of whoever counts. */
export interface CounterState {
  readonly remaining: number;
  /** When the whole limit is free again if nothing more is charged; undefined: it is. */
  readonly resetAt: number | undefined;
  /** Everything is refused, even a look. */
  readonly isBlocked: boolean;
  /** When that ends; undefined where it is not, or where it cannot be told. */
  readonly blockEndsAt: number | undefined;
}

/** Where counters are found, read and changed. */
export interface CounterAccess {
  /** Of every limit that counts the subject; undefined where there is no such rule, key or account. */
  find(subject: CounterSubject): readonly AdminCounter[] | undefined;
  /** One for each, in their order; undefined while the counters of all nodes cannot be reached. */
  peek(counters: readonly AdminCounter[]): Promise<readonly CounterState[] | undefined>;
  /** Whether it was done to all; else it is not known what was done. */
  change(counters: readonly AdminCounter[], change: CounterChange): Promise<boolean>;
}

/** What is done to a counter by hand. */
export type CounterChange =
  /** Nothing was ever charged, and nothing is blocked. */
  | { readonly kind: 'reset' }
  /** Everything is refused for so long from now on, whether the limit has `block_for` or not; in place of another block. */
  | { readonly kind: 'block'; readonly microseconds: number }
  /** Ends a block, however it began. What was charged stays charged. */
  | { readonly kind: 'unblock' };
