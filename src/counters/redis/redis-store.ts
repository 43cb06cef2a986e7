import type { WarningLogger } from '../../core/logger.ts';
import type { CounterStore, Decision, Outcome } from '../../decide/ports.ts';
import { type Batch, batchesOf, outcomesOf } from './batch.ts';
import { CHARGE_SCRIPT } from './charge-script.ts';
import type { RedisAccess } from './connection-settings.ts';
import { virtualTag } from './counter-key.ts';
import { openShards } from './open-shards.ts';
import { PackedReply } from './packed-reply.ts';
import { type Script, scriptOf } from './script.ts';
import { KeysApart, type Shards } from './shards.ts';

export interface RedisStoreOptions {
  /** As redis-url.ts reads it. */
  readonly url: string;
  readonly access?: RedisAccess | undefined;
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
  readonly #shards: Shards;
  readonly #script: Script;
  readonly #keyPrefix: string;

  constructor({ keyPrefix = 'weir', deadlineMs = 10, script = CHARGE_SCRIPT, ...options }: RedisStoreOptions) {
    this.#keyPrefix = keyPrefix;
    this.#script = scriptOf(script);
    this.#shards = openShards({ ...options, deadlineMs, scripts: [this.#script] });
  }

  /** Whether a batch would be sent now; reconnecting goes on by itself. */
  get ready(): boolean {
    return this.#shards.ready;
  }

  /**
   * Where a batch is more than one script (over 256 counters, or several groups) and one of them fails, the whole batch
   * is rejected, and what the others charged stays charged.
   */
  async decide(decisions: readonly Decision[]): Promise<readonly Outcome[]> {
    const groups = Map.groupBy(decisions.entries(), ([, { charges }]) =>
      this.#shards.groupOf(virtualTag(charges[0]?.subject ?? '')),
    );
    const outcomes: Outcome[] = [];
    const inGroup = async ([group, entries]: [number, [number, Decision][]]) => {
      const batches = batchesOf(
        this.#keyPrefix,
        entries.map(([, decision]) => decision),
      );
      const parts = await Promise.all(batches.map((batch) => this.#decideBatch(batch, group)));
      for (const [i, outcome] of parts.flat().entries()) outcomes[entries[i]?.[0] ?? 0] = outcome;
    };
    await Promise.all([...groups].map(inGroup));
    return outcomes;
  }

  close(): Promise<void> {
    return this.#shards.close();
  }

  async #decideBatch(batch: Batch, group: number): Promise<readonly Outcome[]> {
    // Decisions without charges need no Redis.
    if (batch.keys.length === 0) return outcomesOf(batch, PackedReply.ofGrants(batch.runs.map(({ times }) => times)));
    try {
      return outcomesOf(batch, await this.#shards.run(this.#script, group, batch.keys, batch.args));
    } catch (error) {
      if (!(error instanceof KeysApart) || batch.runs.length === 1) throw error;
      const alone = batch.runs.flatMap(({ times, asked }) =>
        batchesOf(
          this.#keyPrefix,
          Array.from({ length: times }, () => ({ charges: asked })),
        ),
      );
      return (await Promise.all(alone.map((each) => this.#decideBatch(each, group)))).flat();
    }
  }
}
