import { elementAt } from '../../collections/element-at.ts';
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
import { buildChargeBatches, type ChargeBatch } from './batch/charge-batch.ts';
import { parseOutcomes } from './batch/charge-reply.ts';
import { computeVirtualTag } from './batch/counter-key.ts';
import { buildAnnouncement, NODES_TAG, parseNodeCount } from './batch/node-announcement.ts';
import { buildRefundBatches, parseRefunds, type RefundBatch } from './batch/refund-batch.ts';
import { buildCorrection } from './batch/script-arguments.ts';
import { type DecidedPart, mergeParts, splitDecisions, splitReceipts } from './batch/split-by-group.ts';
import type { RedisAccess } from './connection/connection-settings.ts';
import type { BreakerListener } from './connection/script-connection.ts';
import { CHARGE_SCRIPT, CORRECT_SCRIPT, NODES_SCRIPT, REFUND_SCRIPT, type Script } from './lua/scripts.ts';
import { openShards } from './topology/open-shards.ts';
import { type Shards, SlotMigrating } from './topology/shards.ts';

export interface RedisStoreOptions {
  /** A URL that connection/redis-url.ts parses. */
  readonly url: string;
  readonly access?: RedisAccess | undefined;
  readonly logger: WarningLogger;
  /** Prefix of every key, so that deployments can share a server. Must not contain braces. Default: `weir`. */
  readonly keyPrefix?: string;
  /** Time in ms after which a batch without a reply is answered with StoreUnavailable. Default: 10. */
  readonly deadlineMs?: number;
  readonly onBreaker?: BreakerListener;
  /** Tests replace the clock in both places: in the scripts, and here in µs since 1970. */
  readonly scripts?: Scripts;
  readonly now?: () => number;
}

export interface Scripts {
  readonly charge: Script;
  readonly refund: Script;
  readonly correct: Script;
}

const SCRIPTS: Scripts = { charge: CHARGE_SCRIPT, refund: REFUND_SCRIPT, correct: CORRECT_SCRIPT };

/** Counters in Redis. All nodes that reach the same Redis share their limits. */
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

  /** Whether the store would send a batch now. It reconnects by itself. */
  get ready(): boolean {
    return this.#shards.ready;
  }

  /**
   * One script grants all charges of a decision or none. If a cluster keeps its counters in several groups, each part is
   * charged on its own, and refunded when another part is rejected. So the limit is never exceeded, and a rejection is
   * free unless the refund is lost.
   */
  async decide(decisions: readonly Decision[]): Promise<readonly DecisionResult[]> {
    if (this.#shards.groupCount === 1) return this.#decideInGroup(0, decisions);
    const decidedParts: DecidedPart[][] = decisions.map(() => []);
    await Promise.all(
      Array.from(splitDecisions(decisions, this.#groupForSubject), async ([group, parts]) => {
        const results = await this.#decideInGroup(group, parts);
        for (const [i, part] of parts.entries()) {
          elementAt(decidedParts, part.decisionIndex).push({ part, result: elementAt(results, i) });
        }
      }),
    );
    const refunds: Receipt[] = [];
    const results = decisions.map(({ charges }, i) => mergeParts(charges, elementAt(decidedParts, i), refunds));
    if (refunds.length > 0) await this.refund(refunds);
    return results;
  }

  async refund(receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    // A receipt without charges belongs to no group. It has nothing to refund, so it counts as used.
    const results: RefundResult[] = receipts.map(({ granted }) => (granted.length > 0 ? 0 : undefined));
    await Promise.all(
      Array.from(splitReceipts(receipts, this.#groupForSubject), async ([group, parts]) => {
        const refunded = await this.#refundInGroup(
          group,
          parts.map(({ receipt }) => receipt),
        );
        for (const [i, { receiptIndex }] of parts.entries()) {
          results[receiptIndex] = addRefunds(elementAt(results, receiptIndex), elementAt(refunded, i));
        }
      }),
    );
    return results;
  }

  correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]> {
    return Promise.all(corrections.map((correction) => this.#correctOne(correction)));
  }

  /**
   * Announces that a node is alive for another `lifeMs`. Returns the number of live nodes, this one included. Rejects with
   * StoreUnavailable.
   */
  async announce(node: string, lifeMs: number): Promise<number> {
    const announcement = buildAnnouncement(this.#keyPrefix, node, lifeMs);
    return parseNodeCount(await this.#shards.run(NODES_SCRIPT, this.#shards.groupForTag(NODES_TAG), announcement));
  }

  /** Waits for the replies to what was sent, up to the deadline, then disconnects for good. */
  close(): Promise<void> {
    return this.#shards.close();
  }

  async #correctOne(correction: Correction): Promise<StoreUnavailable | undefined> {
    const call = buildCorrection(this.#keyPrefix, correction, this.#now());
    try {
      await this.#shards.run(this.#scripts.correct, this.#groupForSubject(correction.subject), call);
      return undefined;
    } catch (error) {
      return asStoreUnavailable(error);
    }
  }

  readonly #groupForSubject = (subject: string): number => this.#shards.groupForTag(computeVirtualTag(subject));

  async #decideInGroup(group: number, decisions: readonly Decision[]): Promise<readonly DecisionResult[]> {
    const batches = buildChargeBatches(this.#keyPrefix, decisions, this.#now());
    const [only] = batches;
    if (batches.length === 1 && only !== undefined) return this.#decideBatch(only, group);
    return (await Promise.all(batches.map((batch) => this.#decideBatch(batch, group)))).flat();
  }

  async #decideBatch(batch: ChargeBatch, group: number): Promise<readonly DecisionResult[]> {
    // Decisions without charges need no Redis.
    if (batch.keys.length === 0) return repeatForDecisions(batch, GRANTED);
    try {
      return parseOutcomes(batch, await this.#shards.run(this.#scripts.charge, group, batch));
    } catch (error) {
      if (error instanceof SlotMigrating && batch.runs.length > 1) return this.#decideRunsSeparately(batch, group);
      return repeatForDecisions(batch, asStoreUnavailable(error));
    }
  }

  /** While a slot migrates, scripts with one key succeed where scripts with more keys do not. */
  async #decideRunsSeparately({ runs }: ChargeBatch, group: number): Promise<readonly DecisionResult[]> {
    const results = runs.map(({ decisionCount, charges }) =>
      this.#decideInGroup(
        group,
        Array.from({ length: decisionCount }, () => ({ charges })),
      ),
    );
    return (await Promise.all(results)).flat();
  }

  async #refundInGroup(group: number, receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    const batches = buildRefundBatches(this.#keyPrefix, receipts, this.#now());
    return (await Promise.all(batches.map((batch) => this.#refundBatch(batch, group)))).flat();
  }

  async #refundBatch(batch: RefundBatch, group: number): Promise<readonly RefundResult[]> {
    try {
      return parseRefunds(batch, await this.#shards.run(this.#scripts.refund, group, batch));
    } catch (error) {
      const unavailable = asStoreUnavailable(error);
      return Array.from({ length: batch.receiptCount }, () => unavailable);
    }
  }
}

function unixMicroseconds(): number {
  return Date.now() * 1000;
}

const GRANTED: Outcome = { granted: true, source: 'redis', charges: [] };

/** Returns the same result for each decision of a batch. */
function repeatForDecisions({ runs }: ChargeBatch, result: DecisionResult): readonly DecisionResult[] {
  return runs.flatMap(({ decisionCount }) => Array.from({ length: decisionCount }, () => result));
}

/** Returns the error if it is a StoreUnavailable, and throws any other. */
function asStoreUnavailable(error: unknown): StoreUnavailable {
  if (error instanceof StoreUnavailable) return error;
  throw error;
}

/** Adds the refunds of two parts of one receipt. */
function addRefunds(one: RefundResult, other: RefundResult): RefundResult {
  if (one instanceof StoreUnavailable) return one;
  if (other instanceof StoreUnavailable) return other;
  return one === undefined || other === undefined ? undefined : one + other;
}
