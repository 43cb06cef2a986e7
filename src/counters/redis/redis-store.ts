import { elementAt } from '../../collections/element-at.ts';
import {
  type Correction,
  type CounterStore,
  type Decision,
  type DecisionResult,
  type Receipt,
  type RefundResult,
  StoreUnavailable,
} from '../../decide/ports.ts';
import type { StoreLogger } from '../../interfaces/logger.ts';
import type { StoreFill } from '../store-fill.ts';
import { computeVirtualTag } from './batch/counter-key.ts';
import { buildFillSample, parseFillSample } from './batch/fill-sample.ts';
import type { LateCharge, LateChargeState } from './batch/late-batch.ts';
import { buildAnnouncement, NODES_TAG, type NodeCount, parseNodeCount } from './batch/node-announcement.ts';
import { type DecidedPart, mergeParts, splitDecisions, splitReceipts } from './batch/split-by-group.ts';
import type { RedisAccess } from './connection/connection-settings.ts';
import type { ConnectionListeners } from './connection/script-connection.ts';
import type { FailoverOptions, FailoverStatus } from './failover/failover.ts';
import { COUNTER_SCRIPTS, GroupCalls, type Scripts } from './group-calls.ts';
import { CLAIM_SCRIPT, FILL_SCRIPT, HISTORY_SCRIPT, NODES_SCRIPT, RESTORE_SCRIPT } from './lua/scripts.ts';
import { QuotaRestore } from './quota-restore.ts';
import { openShards } from './topology/open-shards.ts';
import type { Shards } from './topology/shards.ts';

export type { Scripts };

export interface RedisStoreOptions extends Omit<ConnectionListeners, 'onReady'> {
  /** A URL that connection/redis-url.ts parses. */
  readonly url: string;
  readonly access?: RedisAccess | undefined;
  readonly logger: StoreLogger;
  /** Prefix of every key, so that deployments can share a server. Must not contain braces. Default: `weir`. */
  readonly keyPrefix?: string;
  /** Time in ms after which a batch without a reply is answered with StoreUnavailable, unless it has its own. Default: 10. */
  readonly deadlineMs?: number;
  readonly failover?: FailoverOptions;
  /** Tests replace the clock in both places: in the scripts, and here in µs since 1970. */
  readonly scripts?: Scripts;
  readonly now?: () => number;
}

/** Counters in Redis. All nodes that reach the same Redis share their limits. */
export class RedisStore implements CounterStore {
  readonly #shards: Shards;
  readonly #groups: GroupCalls;
  readonly #keyPrefix: string;
  /** Restores quotas that the servers have lost. */
  readonly quotas: QuotaRestore;

  constructor(options: RedisStoreOptions) {
    const { keyPrefix = 'weir', deadlineMs = 10, scripts = COUNTER_SCRIPTS, now = unixMicroseconds } = options;
    const { logger, failover = {} } = options;
    this.#keyPrefix = keyPrefix;
    this.#shards = openShards({
      ...options,
      deadlineMs,
      scripts: [...Object.values(scripts), HISTORY_SCRIPT, NODES_SCRIPT, FILL_SCRIPT, CLAIM_SCRIPT, RESTORE_SCRIPT],
      onReady: () => this.#groups.failover.openAll(),
    });
    this.#groups = new GroupCalls({ shards: this.#shards, scripts, keyPrefix, now, logger, failover });
    this.quotas = new QuotaRestore({ shards: this.#shards, keyPrefix, now });
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
  async decide(decisions: readonly Decision[], waitMs: number | undefined): Promise<readonly DecisionResult[]> {
    if (this.#shards.groupCount === 1) return this.#groups.decide(0, decisions, waitMs);
    const decidedParts: DecidedPart[][] = decisions.map(() => []);
    await Promise.all(
      Array.from(splitDecisions(decisions, this.#groupForSubject), async ([group, parts]) => {
        const results = await this.#groups.decide(group, parts, waitMs);
        for (const [i, part] of parts.entries()) {
          elementAt(decidedParts, part.decisionIndex).push({ part, result: elementAt(results, i) });
        }
      }),
    );
    const refunds: Receipt[] = [];
    const results = decisions.map(({ charges }, i) => mergeParts(charges, elementAt(decidedParts, i), refunds));
    if (refunds.length > 0) await this.#refundNow(refunds);
    return results;
  }

  /** Whether a late charge of this subject would be sent now. */
  canChargeLate(subject: string): boolean {
    return this.#groups.failover.canSend(this.#groupForSubject(subject));
  }

  /**
   * Charges hits that were granted without Redis, each late charge once. Redis executes them before everything that is sent
   * to the same counters later, and at the latest a minute after the deadline. Resolves when all servers have replied or
   * were given up, in order: StoreUnavailable if it is not known whether a late charge was made. It may be sent again.
   */
  async chargeLate(charges: readonly LateCharge[]): Promise<readonly (LateChargeState | StoreUnavailable)[]> {
    const results: (LateChargeState | StoreUnavailable)[] = new Array(charges.length);
    const byGroup = Map.groupBy(charges.keys(), (index) => this.#groupForSubject(elementAt(charges, index).subject));
    await Promise.all(
      Array.from(byGroup, async ([group, indexes]) => {
        const states = await this.#groups.chargeLate(
          group,
          indexes.map((index) => elementAt(charges, index)),
        );
        for (const [i, index] of indexes.entries()) results[index] = elementAt(states, i);
      }),
    );
    return results;
  }

  /** Waits while lost counters are repaired: the hits of a receipt may have to be charged again first. */
  async refund(receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    const subjects = receipts.flatMap(({ granted }) => granted.map(({ charge }) => charge.subject));
    await this.#groups.failover.waitUntilReleased(new Set(subjects.map(this.#groupForSubject)));
    return this.#refundNow(receipts);
  }

  async #refundNow(receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    // A receipt without charges belongs to no group. It has nothing to refund, so it counts as used.
    const results: RefundResult[] = receipts.map(({ granted }) => (granted.length > 0 ? 0 : undefined));
    await Promise.all(
      Array.from(splitReceipts(receipts, this.#groupForSubject), async ([group, parts]) => {
        const refunded = await this.#groups.refund(
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
    return Promise.all(
      corrections.map(async (correction) => {
        const group = this.#groupForSubject(correction.subject);
        await this.#groups.failover.waitUntilReleased(new Set([group]));
        return this.#groups.correct(group, correction);
      }),
    );
  }

  /**
   * Announces that a node is alive for another `lifeMs`. Returns the live nodes, this one included. With 0, the node is no
   * longer announced, and only the others are counted. Rejects with StoreUnavailable.
   */
  async announce(node: string, lifeMs: number): Promise<NodeCount> {
    const announcement = buildAnnouncement(this.#keyPrefix, node, lifeMs);
    return parseNodeCount(await this.#shards.run(NODES_SCRIPT, this.#shards.groupForTag(NODES_TAG), announcement));
  }

  /** Memory of the grants of servers, and repairs of those that servers have lost. */
  get failover(): FailoverStatus {
    return this.#groups.failover;
  }

  /** Estimates how full one server is: on a cluster a random one each time. Rejects with StoreUnavailable. */
  async sampleFill(): Promise<StoreFill> {
    const group = Math.floor(Math.random() * this.#shards.groupCount);
    return parseFillSample(await this.#shards.run(FILL_SCRIPT, group, buildFillSample()), this.#keyPrefix);
  }

  /** Waits for the replies to what was sent, up to the deadline, then disconnects for good. */
  async close(): Promise<void> {
    await this.#groups.failover.close();
    await this.#shards.close();
  }

  readonly #groupForSubject = (subject: string): number => this.#shards.groupForTag(computeVirtualTag(subject));
}

function unixMicroseconds(): number {
  return Date.now() * 1000;
}

/** Adds the refunds of two parts of one receipt. */
function addRefunds(one: RefundResult, other: RefundResult): RefundResult {
  if (one instanceof StoreUnavailable) return one;
  if (other instanceof StoreUnavailable) return other;
  return one === undefined || other === undefined ? undefined : one + other;
}
