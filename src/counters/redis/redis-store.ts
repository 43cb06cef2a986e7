import type { WarningLogger } from '../../core/logger.ts';
import type { CounterStore, Decision, Outcome } from '../../decide/ports.ts';
import { type Batch, batchesOf, outcomesOf } from './batch.ts';
import { CHARGE_SCRIPT } from './charge-script.ts';
import { PackedReply } from './packed-reply.ts';
import { ScriptConnection } from './script-connection.ts';

export interface RedisStoreOptions {
  /** `redis://` or `rediss://`, with user, password and database if need be. */
  readonly url: string;
  readonly logger: WarningLogger;
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
    const replies = await Promise.all(batches.map(async (batch) => ({ batch, reply: await this.#run(batch) })));
    return replies.flatMap(({ batch, reply }) => outcomesOf(batch, reply));
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #run(batch: Batch): Promise<PackedReply> {
    // Decisions without charges need no Redis.
    if (batch.keys.length === 0) return PackedReply.ofGrants(batch.runs.map(({ times }) => times));
    return this.#connection.run(batch.keys, batch.args);
  }
}
