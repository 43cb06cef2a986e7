import type { CounterStore, Decision, Outcome } from '../../decide/ports.ts';
import { type Batch, batchesOf, outcomesOf } from './batch.ts';
import { CHARGE_SCRIPT } from './charge-script.ts';
import { ScriptConnection, type StoreLogger } from './script-connection.ts';

export interface RedisStoreOptions {
  /** `redis://` or `rediss://`, with user, password and database if need be. */
  readonly url: string;
  readonly logger: StoreLogger;
  /** What every key begins with, so that deployments can share a server; no braces. */
  readonly keyPrefix?: string;
  /** ms that a batch may take until StoreUnavailable. */
  readonly deadlineMs?: number;
  /** Tests put another clock in. */
  readonly script?: string;
}

/** Counters that all nodes share. Limits hold across nodes as far as they reach the same Redis. */
export class RedisStore implements CounterStore {
  readonly #connection: ScriptConnection;
  readonly #keyPrefix: string;

  constructor({ url, logger, keyPrefix = 'weir', deadlineMs = 10, script = CHARGE_SCRIPT }: RedisStoreOptions) {
    this.#keyPrefix = keyPrefix;
    this.#connection = new ScriptConnection({ url, script, deadlineMs, logger });
  }

  /** Whether a batch would be sent now; reconnecting goes on by itself. */
  get ready(): boolean {
    return this.#connection.ready;
  }

  /**
   * Where a batch is more than one script (over 256 counters) and one of them fails, the whole batch is rejected, and
   * what the others charged stays charged.
   */
  async decide(decisions: readonly Decision[]): Promise<readonly Outcome[]> {
    const batches = batchesOf(this.#keyPrefix, decisions);
    const replies = await Promise.all(batches.map((batch) => this.#run(batch)));
    return batches.flatMap((batch, place) => outcomesOf(batch, replies[place] ?? []));
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #run(batch: Batch): Promise<readonly number[]> {
    return batch.keys.length === 0 ? grantAll(batch) : await this.#connection.run(batch.keys, batch.args);
  }
}

/** The reply to decisions without charges, for which Redis is not needed. */
function grantAll({ runs }: Batch): readonly number[] {
  return [0, ...runs.map(({ times }) => times)];
}
