import type { CounterChange } from '../domain/counting/counter-admin.ts';
import type { ApiKeyPolicy } from '../domain/credentials/api-key-policy.ts';
import type { CountedLimit } from '../domain/limits/limit.ts';
import type { Plan } from '../domain/limits/plan.ts';
import type { VerifiedToken, TokenTrust, Verification } from '../domain/tokens/token.ts';

/** Hits asked of one counter. */
export interface Charge {
  /** What the counter counts for, escaped (core/counter-key.ts); with `limit.identity` it names the counter. */
  readonly subject: string;
  readonly limit: CountedLimit;
  /** At least 0; 0 looks and changes nothing. */
  readonly hits: number;
  /** Hits that were spent already: they are charged whether they fit or not, and refuse nothing. */
  readonly isSettlement?: boolean;
  /** µs from now at which the hits will be spent at the latest, if not at once; they count from then on. */
  readonly spentWithinMicros?: number;
  /**
   * Where the store found the counter, written by it for whoever asks with the same object again: who keeps the object
   * sets it to null. A store that did not write it does not read it.
   */
  storeHandle?: object | null | undefined;
}

/** All charges of one request: granted together or not at all. The same counter twice is summed. */
export interface Decision {
  readonly charges: readonly Charge[];
}

/** Proof of a grant, with which what it took is given back. */
export interface Receipt {
  /** Not that of any other receipt; undefined where it never leaves this process and is given back once. */
  readonly id: string | undefined;
  /** Who granted: what it took is given back there and nowhere else. */
  readonly source: Source;
  /** µs since 1970, by the clock of whoever granted: from then on giving back is ignored. */
  readonly expires: number;
  readonly granted: readonly GrantedCharge[];
}

/** Hits of one counter that a grant took. */
export interface GrantedCharge {
  readonly charge: Charge;
  /** When they stop counting by themselves: `freeAt` of the charge's outcome. */
  readonly end: number;
}

/** What became of one charge. */
export interface ChargeOutcome {
  /** Whether this counter alone would have refused. */
  readonly exceeded: boolean;
  /** Hits that are free after the decision, at least 0. */
  readonly remaining: number;
  /** µs until the whole limit is free again if nothing more is charged; 0 when it is free already. */
  readonly resetAfter: number;
  /** When that will be: µs since 1970, by the clock of whoever counts. */
  readonly freeAt: number;
  /** µs until as many hits as asked would fit if nobody else spends them; undefined when not exceeded, or when never. */
  readonly retryAfter: number | undefined;
  /** µs until a block ends that refuses the hits, after which the next refusal may begin another; undefined: none does. */
  readonly blockedFor: number | undefined;
}

/**
 * Who decided: `memory` or `redis`, where the counters are; this process for them, as it knows that the limit is used up
 * (`local`) or took a slice of it ahead (`lease`); or, while they cannot be reached, its own counters (`fail-local`) or
 * nobody (`fail-open`).
 */
export type Source = 'memory' | 'redis' | 'local' | 'lease' | 'fail-local' | 'fail-open';

export interface Outcome {
  readonly granted: boolean;
  readonly source: Source;
  /** In the order of the decision's charges. */
  readonly charges: readonly ChargeOutcome[];
}

/** What became of a decision; StoreUnavailable where that cannot be told. */
export type DecisionResult = Outcome | StoreUnavailable;

/** What is done to one counter by hand. */
export interface Correction {
  /** As of a charge. */
  readonly subject: string;
  readonly limit: CountedLimit;
  readonly change: CounterChange;
}

/** At once where it is known already: waiting for it would put the answers of a batch off by a turn of the event loop. */
export type MaybePromise<T> = T | Promise<T>;

/** Goes on with the value: at once where it is there. */
export function mapMaybe<T, Next>(value: MaybePromise<T>, goOn: (value: T) => MaybePromise<Next>): MaybePromise<Next> {
  return value instanceof Promise ? value.then(goOn) : goOn(value);
}

/**
 * Counts. A batch is decided in the order of its decisions, as if each came alone; a refused decision charges nothing.
 * No method rejects because counters cannot be reached.
 */
export interface CounterStore {
  /**
   * One for each decision, in their order. StoreUnavailable where it cannot be told within the deadline what was
   * decided; then nothing more of that decision is executed later, as far as the store can help it.
   */
  decide(decisions: readonly Decision[]): MaybePromise<readonly DecisionResult[]>;
  /**
   * Gives back what receipts tell was taken: once for each receipt, however often it is asked; nothing of what has
   * stopped counting since.
   */
  refund(receipts: readonly Receipt[]): Promise<readonly RefundResult[]>;
  /**
   * Changes counters by hand, each by itself. What other nodes know of them lasts a second at most: refusals 250 ms, and
   * slices of a limit as long as they live. For each StoreUnavailable where it cannot be told whether it was done.
   */
  correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]>;
}

/** Hits of a receipt that are free again, summed over its charges; undefined where it was used before, or has expired. */
export type RefundResult = number | undefined | StoreUnavailable;

/** The counters cannot be reached or did not answer in time. The message is for the log, not for callers. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** An API key as a decision needs it. */
export interface KeyRecord {
  /** Without the `apiKeys/` of its resource name. */
  readonly id: string;
  /** What its requests are counted by; kept when the key is rotated, so that a new secret is no new budget. */
  readonly counterId: string;
  readonly accountId: string;
  /** The key's own plan, else its account's. */
  readonly planId: string;
  readonly conditions: ApiKeyPolicy;
  readonly disabled: boolean;
  /** Unix time in ms; undefined: never. */
  readonly expiresAt: number | undefined;
  /** Written by whoever notes that it is used (usage/), in minutes since 1970, so that it is noted once a minute. */
  notedInMinute?: number;
}

export interface AccountRecord {
  readonly id: string;
  readonly planId: string;
}

/** The replicated catalog, answered from memory. */
export interface Catalog {
  /** It was cut off for longer than is allowed: what it tells may have been revoked since, and lets nobody in. */
  readonly isTooStale: boolean;
  /** Key of a secret; the secret has passed core/api-key's format check. */
  keyOfSecret(secret: string): KeyRecord | undefined;
  key(id: string): KeyRecord | undefined;
  account(id: string): AccountRecord | undefined;
  plan(id: string): Plan | undefined;
  /** Whose tokens are good. */
  readonly trust: TokenTrust;
  isRevoked(token: VerifiedToken): boolean;
}

/** Tells whose tokens are. */
export interface TokenVerifier {
  /** What is known of a token, without waiting; undefined: `verify` has to find out. `now` is Unix time in ms. */
  cached(token: string, now: number): Verification | undefined;
  /** Calls back once, at once or in a bounded time, perhaps that it cannot be told. `source` tells senders apart. */
  verify(token: string, source: string, done: (verification: Verification) => void): void;
}
