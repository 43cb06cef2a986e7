import {
  type Correction,
  type CounterStore,
  type Decision,
  type DecisionResult,
  type Outcome,
  type Receipt,
  type RefundResult,
  StoreUnavailable,
} from '../../decide/ports.ts';
import type { WarningLogger } from '../../interfaces/logger.ts';
import { buildChargeBatches, type ChargeBatch, parseOutcomes } from './batch/charge-batch.ts';
import { buildCorrection } from './batch/correction.ts';
import { computeVirtualTag } from './batch/counter-key.ts';
import { buildAnnouncement, NODES_TAG, parseNodeCount } from './batch/node-announcement.ts';
import { buildRefundBatches, type RefundBatch } from './batch/refund-batch.ts';
import { byGroup, outcomeOfParts, type Part, receiptsByGroup } from './batch/split-by-group.ts';
import type { RedisAccess } from './connection/connection-settings.ts';
import type { BreakerListener } from './connection/script-connection.ts';
import { CHARGE_SCRIPT, CORRECT_SCRIPT, NODES_SCRIPT, REFUND_SCRIPT, type Script } from './lua/scripts.ts';
import { openShards } from './topology/open-shards.ts';
import { type Shards, SlotMigrating } from './topology/shards.ts';

export interface RedisStoreOptions {
  /** As redis-url.ts reads it. */
  readonly url: string;
  readonly access?: RedisAccess | undefined;
  readonly logger: WarningLogger;
  /** What every key begins with, so that deployments can share a server; no braces. */
  readonly keyPrefix?: string;
  /** ms that a batch may take until StoreUnavailable. */
  readonly deadlineMs?: number;
  readonly onBreaker?: BreakerListener;
  /** Tests put another clock into both: into the scripts, and here in µs since 1970. */
  readonly scripts?: Scripts;
  readonly now?: () => number;
}

export interface Scripts {
  readonly charge: Script;
  readonly refund: Script;
  readonly correct: Script;
}

const SCRIPTS: Scripts = { charge: CHARGE_SCRIPT, refund: REFUND_SCRIPT, correct: CORRECT_SCRIPT };

/** Counters that all nodes share. Limits hold across nodes as far as they reach the same Redis. */
export class RedisStore implements CounterStore {
  readonly #shards: Shards;
  readonly #scripts: Scripts;
  readonly #keyPrefix: string;
  readonly #now: () => number;

  constructor(options: RedisStoreOptions) {
    const { keyPrefix = 'weir', deadlineMs = 10, scripts = SCRIPTS, now = unixMicroseconds } = options;
    this.#keyPrefix = keyPrefix;
    this.#now = now;
    this.#scripts = scripts;
    this.#shards = openShards({ ...options, deadlineMs, scripts: [...Object.values(scripts), NODES_SCRIPT] });
  }

  /** Whether a batch would be sent now; reconnecting goes on by itself. */
  get ready(): boolean {
    return this.#shards.ready;
  }

  /**
   * All charges of a decision that may stand in one script are granted together or not at all. Where a cluster keeps
   * them apart, each part is reserved, and given back when another part is refused: never over, and a refusal is free as
   * far as that arrives.
   */
  async decide(decisions: readonly Decision[]): Promise<readonly DecisionResult[]> {
    if (this.#shards.groupCount === 1) return this.#decideInGroup(0, decisions);
    const groups = byGroup(decisions, this.#groupOf);
    const parts: Part[][] = decisions.map(() => []);
    await Promise.all(
      Array.from(groups, async ([group, entries]) => {
        const decided = await this.#decideInGroup(group, entries);
        for (const [i, entry] of entries.entries()) {
          const outcome = decided[i] ?? new StoreUnavailable('no outcome from Redis');
          parts[entry.decision]?.push({ ...entry, outcome });
        }
      }),
    );
    const refunds: Receipt[] = [];
    const outcomes = decisions.map(({ charges }, i) => outcomeOfParts(charges, parts[i] ?? [], refunds));
    if (refunds.length > 0) await this.refund(refunds);
    return outcomes;
  }

  async refund(receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    // One that names nothing has nothing to expire, and no group that could tell so.
    const freed: RefundResult[] = receipts.map(({ granted }) => (granted.length > 0 ? 0 : undefined));
    const groups = receiptsByGroup(receipts, this.#groupOf);
    await Promise.all(
      Array.from(groups, async ([group, entries]) => {
        const answers = await this.#giveBackInGroup(
          group,
          entries.map(({ receipt }) => receipt),
        );
        for (const [i, { place }] of entries.entries()) freed[place] = sum(freed[place], answers[i]);
      }),
    );
    return freed;
  }

  correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]> {
    return Promise.all(corrections.map((correction) => this.#correctOne(correction)));
  }

  /** Says that the node is there, for so many ms; how many are, itself included. Rejects with StoreUnavailable. */
  async announce(node: string, lifeMs: number): Promise<number> {
    const { keys, args } = buildAnnouncement(this.#keyPrefix, node, lifeMs);
    return parseNodeCount(await this.#shards.run(NODES_SCRIPT, this.#shards.groupForTag(NODES_TAG), keys, args));
  }

  close(): Promise<void> {
    return this.#shards.close();
  }

  async #correctOne(correction: Correction): Promise<StoreUnavailable | undefined> {
    const { keys, args } = buildCorrection(this.#keyPrefix, correction, this.#now());
    try {
      await this.#shards.run(this.#scripts.correct, this.#groupOf(correction.subject), keys, args);
      return undefined;
    } catch (error) {
      return unavailable(error);
    }
  }

  readonly #groupOf = (subject: string): number => this.#shards.groupForTag(computeVirtualTag(subject));

  async #decideInGroup(group: number, decisions: readonly Decision[]): Promise<readonly DecisionResult[]> {
    const batches = buildChargeBatches(this.#keyPrefix, decisions, this.#now());
    const [only] = batches;
    if (batches.length === 1 && only !== undefined) return this.#decideBatch(only, group);
    return (await Promise.all(batches.map((batch) => this.#decideBatch(batch, group)))).flat();
  }

  async #decideBatch(batch: ChargeBatch, group: number): Promise<readonly DecisionResult[]> {
    // Decisions without charges need no Redis.
    if (batch.keys.length === 0) return batch.runs.flatMap(({ times }) => Array.from({ length: times }, () => GRANTED));
    try {
      return parseOutcomes(batch, await this.#shards.run(this.#scripts.charge, group, batch.keys, batch.args));
    } catch (error) {
      if (error instanceof SlotMigrating && batch.runs.length > 1) return this.#decideAlone(batch, group);
      return batch.runs.flatMap(({ times }) => Array.from({ length: times }, () => unavailable(error)));
    }
  }

  /** While a slot moves, scripts of one key each go through where larger ones do not. */
  async #decideAlone({ runs }: ChargeBatch, group: number): Promise<readonly DecisionResult[]> {
    const alone = runs.map(({ times, asked }) =>
      this.#decideInGroup(
        group,
        Array.from({ length: times }, () => ({ charges: asked })),
      ),
    );
    return (await Promise.all(alone)).flat();
  }

  async #giveBackInGroup(group: number, receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    const batches = buildRefundBatches(this.#keyPrefix, receipts, this.#now());
    return (await Promise.all(batches.map((batch) => this.#giveBackBatch(batch, group)))).flat();
  }

  async #giveBackBatch(batch: RefundBatch, group: number): Promise<readonly RefundResult[]> {
    const each = Array.from({ length: batch.receipts });
    if (batch.keys.length === 0) return each.map(() => 0);
    try {
      const reply = await this.#shards.run(this.#scripts.refund, group, batch.keys, batch.args);
      return each.map(() => {
        const freed = reply.readInt48();
        return freed < 0 ? undefined : freed;
      });
    } catch (error) {
      return each.map(() => unavailable(error));
    }
  }
}

function unixMicroseconds(): number {
  return Date.now() * 1000;
}

const GRANTED: Outcome = { granted: true, source: 'redis', charges: [] };

function unavailable(error: unknown): StoreUnavailable {
  if (error instanceof StoreUnavailable) return error;
  throw error;
}

function sum(some: RefundResult, more: RefundResult): RefundResult {
  if (some instanceof StoreUnavailable) return some;
  if (more instanceof StoreUnavailable) return more;
  return some === undefined || more === undefined ? undefined : some + more;
}
