import { setTimeout as sleep } from 'node:timers/promises';
import { elementAt } from '../../../collections/element-at.ts';
import { StoreUnavailable } from '../../../decide/ports.ts';
import { buildHistoryCall, parseServerHistory } from '../batch/history-call.ts';
import { epochOf, type ServerHistory } from '../history/server-history.ts';
import { HISTORY_SCRIPT } from '../lua/scripts.ts';
import type { Shards } from '../topology/shards.ts';

export interface HistoryKeeperOptions {
  readonly shards: Shards;
  readonly keyPrefix: string;
  /** Name of this node among those that wait for each other. Empty: others do not wait for it. */
  readonly node: string;
  /** Number of nodes that have to charge again what was lost, this one included; at least 1. undefined: not known yet. */
  readonly liveNodes: () => number | undefined;
  /**
   * Called when a group has lost a part of its history, before anything else is decided on it. Resolves when this node has
   * charged again what it was granted. undefined: it has nothing to charge.
   */
  readonly onLoss: (group: number, history: ServerHistory, wasSeen: boolean) => Promise<void> | undefined;
  /** Called with errors that are bugs. */
  readonly onError: (error: unknown) => void;
}

/** Knowledge of this node about the history of one group. */
interface Group {
  /** Connection on which the history was opened; 0: on none. */
  incarnation: number;
  /** Server of that connection. */
  server: string;
  /** Highest sequence of the current epoch that the node has seen; 0: none. */
  seen: number;
  /** Answer of the server when the current epoch was found. undefined: the node has used no other epoch. */
  history: ServerHistory | undefined;
  opening: Promise<void> | undefined;
  /** While decisions are held. */
  hold: Promise<void> | undefined;
}

/** From the beginning of an epoch, by the clock of the server: nodes that have not charged again by then are not waited for. */
const MAX_WAIT_MICROS = 1_000_000;
/** The same by the clock of this node, in case the server does not answer. */
const MAX_HOLD_MS = 2000;
const POLL_INTERVAL_MS = 20;

/** Returned at once while the counters of a group are repaired. */
const HELD = new StoreUnavailable('Redis has lost counters, and the nodes are charging them again', 'silent');

/**
 * Knows which history each group has on its server, so that this node never uses a server that has less. A history is
 * opened on each connection before the first call. After a loss, decisions are held until all live nodes have charged
 * again what they were granted.
 */
export class HistoryKeeper {
  readonly #options: HistoryKeeperOptions;
  readonly #groups: readonly Group[];
  #isClosed = false;

  constructor(options: HistoryKeeperOptions) {
    this.#options = options;
    this.#groups = Array.from({ length: options.shards.groupCount }, () => ({
      incarnation: 0,
      server: '',
      seen: 0,
      history: undefined,
      opening: undefined,
      hold: undefined,
    }));
  }

  /** Highest sequence of a group that this node has seen; 0: none. */
  seen(group: number): number {
    return elementAt(this.#groups, group).seen;
  }

  /**
   * Returns undefined if calls of the group may be sent, and a promise if its history has to be opened first. Throws
   * StoreUnavailable while the group is held, and so may the promise reject.
   */
  admit(group: number): Promise<void> | undefined {
    const known = elementAt(this.#groups, group);
    if (known.hold !== undefined) throw HELD;
    return this.#isOpen(group, known) ? undefined : this.#open(group);
  }

  /** Whether calls of the group may be sent now. */
  isOpen(group: number): boolean {
    const known = elementAt(this.#groups, group);
    return known.hold === undefined && this.#isOpen(group, known);
  }

  /** Whether decisions of the group are held, because lost counters are repaired. */
  isHeld(group: number): boolean {
    return elementAt(this.#groups, group).hold !== undefined;
  }

  /** Resolves when the group is held no longer. */
  async waitUntilReleased(group: number): Promise<void> {
    await elementAt(this.#groups, group).hold;
  }

  /**
   * Notes the sequence of a reply. If a server replied that was replaced in the meantime, returns what its successor said:
   * it may lack what that reply acknowledges.
   */
  note(group: number, sequence: number): ServerHistory | undefined {
    const known = elementAt(this.#groups, group);
    if (epochOf(sequence) === epochOf(known.seen)) {
      known.seen = Math.max(known.seen, sequence);
      return undefined;
    }
    // It has everything that it was seen to execute since.
    return known.history && { ...known.history, sequence: known.seen };
  }

  /** Opens the history of a group again, because its server refused a call for it. */
  reopen(group: number): void {
    elementAt(this.#groups, group).incarnation = 0;
    this.#open(group).catch(ignoreUnavailable(this.#options.onError));
  }

  /** Opens the histories of all groups whose connection is another one than before. */
  openAll(): void {
    for (const [group, known] of this.#groups.entries()) {
      if (known.hold !== undefined || this.#isOpen(group, known) || !this.#options.shards.canSend(group)) continue;
      this.#open(group).catch(ignoreUnavailable(this.#options.onError));
    }
  }

  /** Opens nothing more. Resolves when the histories that are being opened are open. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#groups.map(({ opening }) => opening));
  }

  #isOpen(group: number, { incarnation }: Group): boolean {
    return incarnation !== 0 && incarnation === this.#options.shards.incarnationFor(group);
  }

  #open(group: number): Promise<void> {
    const known = elementAt(this.#groups, group);
    known.opening ??= this.#openOnce(group, known).finally(() => {
      known.opening = undefined;
    });
    return known.opening;
  }

  /** Rejects with StoreUnavailable if the history is not known, or the group is held afterwards. */
  async #openOnce(group: number, known: Group): Promise<void> {
    const { shards } = this.#options;
    const server = shards.serverFor(group);
    const incarnation = shards.incarnationFor(group);
    const history = await this.#ask(group, known, 0);
    this.#adopt(group, known, history);
    known.server = server;
    known.incarnation = incarnation;
    if (known.hold !== undefined) throw HELD;
  }

  #ask(group: number, known: Group, repairedEpoch: number): Promise<ServerHistory> {
    const { shards, keyPrefix, node } = this.#options;
    const { seen, server, incarnation } = known;
    // A slot that moves is no loss. Then its new master shows a loss by its own predecessor alone, so not after a
    // second failover.
    const mayHaveMoved = server !== shards.serverFor(group) && shards.canHaveMoved(server, incarnation);
    const call = buildHistoryCall(keyPrefix, group, { seen, node, repairedEpoch, mayHaveMoved });
    return shards.run(HISTORY_SCRIPT, group, call).then(parseServerHistory);
  }

  /** Takes over what a server says. Begins a repair if that is another epoch than before. */
  #adopt(group: number, known: Group, history: ServerHistory): void {
    const wasSeen = known.seen > 0;
    const isOtherEpoch = epochOf(history.sequence) !== epochOf(known.seen);
    known.seen = isOtherEpoch ? history.sequence : Math.max(known.seen, history.sequence);
    if (!isOtherEpoch) return;
    const isOld = history.timeMicros - history.startedAt >= MAX_WAIT_MICROS;
    if (!wasSeen && isOld) return;
    known.history = history;
    const repaired = this.#options.onLoss(group, history, wasSeen);
    const settle = this.#settle(group, known, history, repaired);
    // The first node on a new server waits for nobody. One that starts after a failover does: it has to count the others.
    const isFirst = history.kind === 'empty' && (this.#options.liveNodes() ?? 1) <= 1;
    if (!wasSeen && repaired === undefined && isFirst) return;
    known.hold = settle;
  }

  async #settle(group: number, known: Group, history: ServerHistory, repaired: Promise<void> | undefined) {
    try {
      await repaired;
      await this.#waitForOthers(group, known, history);
    } catch (error) {
      this.#options.onError(error);
    } finally {
      known.hold = undefined;
    }
  }

  /** Reports that this node has charged again, and waits for the others. */
  async #waitForOthers(group: number, known: Group, { sequence }: ServerHistory): Promise<void> {
    const epoch = epochOf(sequence);
    const giveUpAt = performance.now() + MAX_HOLD_MS;
    while (!this.#isClosed && performance.now() < giveUpAt) {
      const history = await this.#ask(group, known, epoch).catch(ignoreUnavailable(this.#options.onError));
      if (history !== undefined && epochOf(history.sequence) !== epoch) {
        // Lost again in the meantime. The next call opens the history.
        known.incarnation = 0;
        return;
      }
      if (history !== undefined && this.#isRepaired(history)) return;
      await sleep(POLL_INTERVAL_MS);
    }
  }

  #isRepaired({ timeMicros, startedAt, repairedNodes }: ServerHistory): boolean {
    const nodes = this.#options.liveNodes() ?? Number.POSITIVE_INFINITY;
    return repairedNodes >= nodes || timeMicros - startedAt >= MAX_WAIT_MICROS;
  }
}

/** Returns a handler of rejections that passes every error but StoreUnavailable to `onError`. */
function ignoreUnavailable(onError: (error: unknown) => void): (error: unknown) => undefined {
  return (error) => {
    if (!(error instanceof StoreUnavailable)) onError(error);
    return undefined;
  };
}
