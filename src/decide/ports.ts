import type { Limit } from '../core/limit.ts';
import type { Plan } from '../core/plan.ts';

/** Hits asked of one counter. */
export interface Charge {
  /** What the counter counts for, escaped (core/counter-key.ts); with `limit.identity` it names the counter. */
  readonly subject: string;
  readonly limit: Limit;
  /** At least 0; 0 looks and changes nothing. */
  readonly hits: number;
}

/** All charges of one request: granted together or not at all. The same counter twice is summed. */
export interface Decision {
  readonly charges: readonly Charge[];
}

/** What became of one charge. */
export interface ChargeOutcome {
  /** Whether this counter alone would have refused. */
  readonly exceeded: boolean;
  /** Hits that are free after the decision, at least 0. */
  readonly remaining: number;
  /** µs until the whole limit is free again if nothing more is charged; 0 when it is free already. */
  readonly resetAfter: number;
  /** µs until as many hits as asked would fit if nobody else spends them; undefined when not exceeded, or when never. */
  readonly retryAfter: number | undefined;
}

export type Source = 'memory' | 'redis';

export interface Outcome {
  readonly granted: boolean;
  readonly source: Source;
  /** In the order of the decision's charges. */
  readonly charges: readonly ChargeOutcome[];
}

/**
 * Counts. A batch is decided in the order of its decisions, as if each came alone; a refused decision charges nothing.
 * Rejects with StoreUnavailable when it cannot tell within its deadline what was decided; then nothing more of the batch
 * may be executed later, as far as the store can help it.
 */
export interface CounterStore {
  decide(decisions: readonly Decision[]): Promise<readonly Outcome[]>;
}

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
  readonly disabled: boolean;
  /** Unix time in ms; undefined: never. */
  readonly expiresAt: number | undefined;
}

export interface AccountRecord {
  readonly id: string;
  readonly planId: string;
}

/** The replicated catalog, answered from memory. */
export interface Catalog {
  /** Key of a secret; the secret has passed core/api-key's format check. */
  keyOfSecret(secret: string): KeyRecord | undefined;
  key(id: string): KeyRecord | undefined;
  account(id: string): AccountRecord | undefined;
  plan(id: string): Plan | undefined;
}
