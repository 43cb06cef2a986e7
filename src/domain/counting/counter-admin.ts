import type { DescriptorEntry } from '../descriptor.ts';
import type { CountedLimit } from '../limits/limit.ts';
import type { PlanLimit } from '../limits/plan-limit.ts';
import type { VerifiedToken } from '../tokens/token.ts';

/** Selects the counters of one subject. */
export type CounterSelector =
  | { readonly kind: 'descriptor'; readonly domain: string; readonly entries: readonly DescriptorEntry[] }
  | HolderSelector
  /** A token whose signature is valid. */
  | { readonly kind: 'token'; readonly token: VerifiedToken }
  /** An account as tokens name it. */
  | {
      readonly kind: 'token_account';
      readonly account: string;
      /** undefined: Weir issued the tokens. */
      readonly issuerId: string | undefined;
      /** undefined: the tokens name no plan. */
      readonly planId: string | undefined;
    };

/** Selects the counters of an API key or an account of the catalog. */
export interface HolderSelector {
  readonly kind: 'api_key' | 'account';
  /** The resource name without its collection. */
  readonly id: string;
  /** Selects the counters that it would have on another plan; left out: those of its own. */
  readonly planId?: string;
  /** Selects the counters of these limits, as those of a plan, in their order; left out: those of a plan. */
  readonly limits?: readonly (PlanLimit & CountedLimit)[];
}

/** A counter that an administrator can read and change. */
export interface AdminCounter {
  /** Names the limit as responses do: by plan, key or rule, and limit. */
  readonly label: string;
  readonly subject: string;
  readonly limit: CountedLimit;
  /** The limit is one that an edit of its plan or key, or another plan, has superseded. It still holds for a time. */
  readonly isSuperseded?: true;
}

/** Contents of a counter. Times are Unix times in ms, by the clock of the store. */
export interface CounterSnapshot {
  readonly remaining: number;
  /**
   * Time at which the entire limit is available again if nothing more is charged; undefined: it is available now, or the
   * limit is one of credits.
   */
  readonly resetAt: number | undefined;
  /** The counter rejects everything, even a peek. */
  readonly isBlocked: boolean;
  /** End of the block; undefined: there is no block, or its end is unknown. */
  readonly blockEndsAt: number | undefined;
}

/** Finds, reads and changes counters in the process that counts. */
export interface CounterAccess {
  /** Finds the counters of all limits that count the subject; undefined: there is no such rule, key, account, issuer or plan. */
  find(selector: CounterSelector): readonly AdminCounter[] | undefined;
  /** Reads counters in their order; undefined while the counters that all nodes share are unavailable. */
  peek(counters: readonly AdminCounter[]): Promise<readonly CounterSnapshot[] | undefined>;
  /** Returns whether all counters were changed. If not, any number of them may have been. */
  change(counters: readonly AdminCounter[], change: CounterChange): Promise<boolean>;
}

/** A manual change of a counter. */
export type CounterChange =
  /** Forgets all charges and any block. Added credits stay. */
  | { readonly kind: 'reset' }
  /** Rejects everything from now on for this time, also if the limit has no `block_for`. Replaces any other block. */
  | { readonly kind: 'block'; readonly microseconds: number }
  /** Ends a block, whether manual or automatic. Charges stay. */
  | { readonly kind: 'unblock' }
  | AddCredits;

/** Adds credits to a counter, whose limit must be one of credits. */
export interface AddCredits {
  readonly kind: 'add_credits';
  readonly credits: number;
  /**
   * Within a week of the first, a request with the same id and counter adds nothing. undefined: each request adds.
   */
  readonly requestId: string | undefined;
}

/** How long the id of a request that adds credits is remembered. Providers of payments repeat a notice for days. */
export const CREDITS_REQUEST_SECONDS = 7 * 86_400;

/** Selects the counters of some limits of one subject. */
export interface CounterSelection {
  readonly selector: CounterSelector;
  /** Name or label of a limit; an empty string selects all limits of the subject. */
  readonly limit: string;
}

/** The state of one counter. */
export interface CounterState extends Pick<AdminCounter, 'label' | 'limit'> {
  readonly snapshot: CounterSnapshot;
}

/** Result of reading the counters of a selection. */
export type CounterReading =
  | { readonly kind: 'read'; readonly counters: readonly CounterState[] }
  /** There is no such rule, key or account. */
  | { readonly kind: 'unknown_subject' }
  /** The subject has no such limit. `labels` are those of its limits; none: nothing limits it. */
  | { readonly kind: 'unknown_limit'; readonly labels: readonly string[] }
  /** The counters that all nodes share are unavailable. After a change, any number of them may have been changed. */
  | { readonly kind: 'unavailable' };

/** Port for the admin plane to read and change counters, wherever they are counted. */
export interface CounterAdmin {
  read(selection: CounterSelection): Promise<CounterReading>;
  /** Changes the counters, then reads them. */
  change(selection: CounterSelection, change: CounterChange): Promise<CounterReading>;
}
