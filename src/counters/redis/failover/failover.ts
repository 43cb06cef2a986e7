import { randomUUID } from 'node:crypto';
import { ALL_TAGS } from '../batch/counter-key.ts';
import { GrantHistory } from '../history/grant-history.ts';
import type { CounterName } from '../history/grant-page.ts';
import { LateChargeHistory } from '../history/late-charge-history.ts';
import type { ServerHistory } from '../history/server-history.ts';
import type { Shards } from '../topology/shards.ts';
import { CountedCalls } from './counted-calls.ts';
import type { CountersLostListener } from './counters-lost.ts';
import { GrantRecorder } from './grant-recorder.ts';
import { HistoryKeeper } from './history-keeper.ts';
import { LossRepair, type LossRepairOptions } from './loss-repair.ts';
import { RepairTally } from './repair-tally.ts';

/** Behaviour of the store when a server has lost counters. */
export interface FailoverOptions {
  /** Name of this node. No other node has it, not even one that ran before. Default: a random one. */
  readonly node?: string;
  /** Whether other nodes wait for this one before they decide again. Default: true. */
  readonly isAwaited?: boolean;
  /** Number of live nodes that wait for each other, this one included. undefined: not known yet. Default: 1. */
  readonly liveNodes?: () => number | undefined;
  /** How long the store remembers what servers acknowledged, in ms. 0: not at all. Default: 5000. */
  readonly coveredMs?: number;
  readonly onCountersLost?: CountersLostListener | undefined;
}

/** The servers, and the calls that a repair makes of them. */
interface RepairCalls extends Pick<LossRepairOptions, 'chargeLate' | 'refund' | 'onError'> {
  readonly shards: Shards;
  readonly keyPrefix: string;
}

/** The record of a tag names each node that has charged again. */
const NODE_NAME_LENGTH = 8;
const DEFAULT_COVERED_MS = 5000;
/** Bounds what is remembered. A cell takes 28 bytes: room for 10,000 counters in 5 s, or 850,000 hits with their own end. */
const MAX_HISTORY_BYTES = 24 * 2 ** 20;
/** Time after which the histories of groups are opened that could not be opened before, in ms. */
const REOPEN_INTERVAL_MS = 500;

/** For metrics. */
export interface FailoverStatus {
  readonly tally: RepairTally;
  readonly coveredSeconds: number;
  readonly bytes: number;
}

/** Builds the parts of this folder, and connects them. */
export class Failover implements FailoverStatus {
  readonly tally = new RepairTally();
  readonly lateCharges: LateChargeHistory;
  readonly recorder: GrantRecorder;
  readonly calls: CountedCalls;
  readonly #shards: Shards;
  readonly #grants: GrantHistory;
  readonly #repair: LossRepair;
  readonly #keeper: HistoryKeeper;
  readonly #reopenTimer: NodeJS.Timeout;

  constructor(options: FailoverOptions & RepairCalls) {
    const { node = randomUUID(), isAwaited = true, liveNodes = () => 1, coveredMs = DEFAULT_COVERED_MS } = options;
    const { shards, keyPrefix, chargeLate, refund, onCountersLost, onError } = options;
    this.#shards = shards;
    this.#grants = new GrantHistory({ coveredMs, maxBytes: MAX_HISTORY_BYTES });
    this.lateCharges = new LateChargeHistory(coveredMs);
    this.recorder = new GrantRecorder(this.#grants);
    this.#repair = new LossRepair({
      grants: this.#grants,
      lateCharges: this.lateCharges,
      node,
      tagsOf: (group) => (shards.groupCount === 1 ? ALL_TAGS : [group]),
      chargeLate,
      refund,
      onCountersLost,
      tally: this.tally,
      onError,
    });
    this.#keeper = new HistoryKeeper({
      shards,
      keyPrefix,
      node: isAwaited ? node.slice(0, NODE_NAME_LENGTH) : '',
      liveNodes,
      onLoss: (group, history, wasSeen) => this.#repair.repair(group, history, wasSeen),
      onError,
    });
    this.calls = new CountedCalls(shards, this.#keeper, keyPrefix);
    this.#reopenTimer = setInterval(() => this.openAll(), REOPEN_INTERVAL_MS).unref();
  }

  /** Opens the histories of all groups whose connection is another one than before. */
  openAll(): void {
    this.#keeper.openAll();
  }

  /** Whether a call to a group would be sent now. */
  canSend(group: number): boolean {
    return this.#shards.canSend(group) && this.#keeper.isOpen(group);
  }

  /** Resolves once lost counters of the groups are repaired, if they are being repaired. */
  async waitUntilReleased(groups: ReadonlySet<number>): Promise<void> {
    for (const group of groups) if (this.#keeper.isHeld(group)) await this.#keeper.waitUntilReleased(group);
  }

  /** Charges again what this server lacks, because its predecessor acknowledged something after it was replaced. */
  chargeAgain(group: number, successor: ServerHistory): void {
    void this.#repair.chargeAgain(group, successor);
  }

  /** Forgets what was granted on a counter, because it was reset. */
  forget(counter: CounterName): void {
    this.#grants.forget(counter);
  }

  /** Seconds for which all hits are remembered. */
  get coveredSeconds(): number {
    return this.#grants.coveredSeconds(performance.now());
  }

  /** Bytes that it takes to remember them. */
  get bytes(): number {
    return this.#grants.bytes;
  }

  /** Resolves when no call waits for a history any more. */
  async close(): Promise<void> {
    clearInterval(this.#reopenTimer);
    this.#repair.close();
    await this.#keeper.close();
  }
}
