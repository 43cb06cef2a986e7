import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailable } from '../../decide/ports.ts';
import type { Checkpoint } from '../../domain/counting/checkpoint.ts';
import type { StoreLogger } from '../../interfaces/logger.ts';
import { computeVirtualTag } from '../redis/batch/counter-key.ts';
import type { RestorableCounter, RestoreClaim } from '../redis/batch/restore-batch.ts';
import type { CheckpointLog } from './checkpoint-log.ts';
import type { CheckpointTable } from './checkpoint-table.ts';
import { type HeldTags, MAX_HOLD_MS } from './held-tags.ts';
import { RestorableLimits } from './restorable-limits.ts';
import { type DemandedCounter, RestoreOnDemand } from './restore-on-demand.ts';
import type { RestoreTally } from './restore-tally.ts';

/** The shared counters, as far as restoring needs them. Both methods reject with StoreUnavailable. */
export interface RestorableStore {
  /** All tags, by the server that has them: its tags are lost together. */
  readonly tagGroups: readonly (readonly number[])[];
  /** Claims the restore of a tag for this long. 0: this node has restored it. */
  claimRestore(tag: number, node: string, claimMs: number): Promise<RestoreClaim>;
  /** Raises counters to the use that they have at least. All must be of one tag. Returns how many were raised. */
  raiseCounters(tag: number, counters: readonly RestorableCounter[]): Promise<number>;
}

export interface RedisRestoreOptions {
  readonly store: RestorableStore;
  readonly table: Pick<CheckpointTable, 'pages' | 'readCounters'>;
  readonly log: CheckpointLog;
  readonly held: HeldTags;
  /** Name of this node. No other node has it. */
  readonly node: string;
  /** µs since 1970. */
  readonly now: () => number;
  readonly tally: RestoreTally;
  readonly logger: StoreLogger;
}

/** Raises one tag. */
interface Restore {
  /** Counters of the tag as this node has seen them since the last checkpoints, by subject. Empty once they are raised. */
  seen: ReadonlyMap<string, readonly Checkpoint[]>;
  /** Whether the tag may have been lost again since the attempt began. */
  isRepeated: boolean;
}

const ROWS_PER_READ = 1_000;
/** Tags that are restored at once. */
const MAX_CONCURRENT_TAGS = 8;
/** A node that dies while it restores is replaced after this time. */
const CLAIM_MS = MAX_HOLD_MS;
const WATCH_INTERVAL_MS = 1_000;
const TAKEN_POLL_MS = 20;
const NOTHING_SEEN: Restore['seen'] = new Map();
const RETRY_DELAY_MS = 50;
const DATABASE_RETRY_DELAY_MS = 250;

/**
 * Restores quotas in Redis. Each node raises the counters to what it has seen itself since the last checkpoints. One node per
 * tag raises them to the checkpoints. Counters that decisions ask about meanwhile come first, on each node.
 */
export class RedisRestore {
  readonly #options: RedisRestoreOptions;
  readonly #limits = new RestorableLimits();
  /** By tag. */
  readonly #restores = new Map<number, Restore>();
  readonly #waiting: number[] = [];
  readonly #stopping = new AbortController();
  readonly #onDemand: RestoreOnDemand;
  #running = 0;
  #isFailing = false;

  constructor(options: RedisRestoreOptions) {
    this.#options = options;
    this.#onDemand = new RestoreOnDemand({
      held: options.held,
      restore: (counters) => this.#restoreCounters(counters),
      signal: this.#stopping.signal,
    });
  }

  /** Whether a decision on the counter has to wait. Restores the counter ahead of the rest of its tag if it may be lost. */
  isHeld(counter: DemandedCounter): boolean {
    return this.#onDemand.isHeld(counter);
  }

  /** Whether late charges of the tag have to wait: they must not come before the use that its counters are raised to. */
  keepsLateCharges(tag: number): boolean {
    return this.#options.held.has(tag) || this.#onDemand.isRestoring(tag);
  }

  /**
   * Restores all tags, unless that was done before, because a node that starts does not know what the servers lack. Then looks
   * for lost markers, until it is closed.
   */
  start(): void {
    this.restore(this.#options.store.tagGroups.flat());
    void this.#watch();
  }

  /** Holds tags whose counters were lost, and restores them. */
  restore(tags: readonly number[]): void {
    const { held, log } = this.#options;
    const seenByTag = Map.groupBy(log.list(), ({ subject }) => computeVirtualTag(subject));
    for (const tag of tags) {
      held.hold(tag);
      this.#onDemand.forget(tag);
      const seen = Map.groupBy(seenByTag.get(tag) ?? [], ({ subject }) => subject);
      const restore = this.#restores.get(tag);
      if (restore === undefined) this.#waiting.push(tag);
      this.#restores.set(tag, Object.assign(restore ?? {}, { seen, isRepeated: true }));
    }
    this.#startWaiting();
  }

  close(): void {
    this.#stopping.abort();
  }

  /** Reads one marker of each server, every second, and claims the tag if the marker is lost. */
  async #watch(): Promise<void> {
    const { store, node } = this.#options;
    while (!this.#stopping.signal.aborted) {
      await this.#pause(WATCH_INTERVAL_MS);
      for (const tags of store.tagGroups) {
        const [tag] = tags;
        if (tag === undefined || this.#restores.has(tag) || this.#stopping.signal.aborted) continue;
        const claim = await store.claimRestore(tag, node, CLAIM_MS).catch(() => undefined); // the server is away
        if (claim === 'claimed' || claim === 'taken') this.restore(tags);
      }
    }
  }

  #startWaiting(): void {
    while (this.#running < MAX_CONCURRENT_TAGS) {
      const tag = this.#waiting.shift();
      const restore = tag === undefined ? undefined : this.#restores.get(tag);
      if (tag === undefined || restore === undefined) return;
      this.#running++;
      void this.#restoreTag(tag, restore).finally(() => {
        this.#running--;
        this.#startWaiting();
      });
    }
  }

  /** Never rejects. */
  async #restoreTag(tag: number, restore: Restore): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      restore.isRepeated = false;
      const isRestored = await this.#attempt(tag, restore);
      if (!isRestored || restore.isRepeated) continue;
      this.#restores.delete(tag);
      this.#options.held.release(tag);
      this.#onDemand.forget(tag);
      return;
    }
  }

  /** Returns whether the tag is restored. Waits a moment if not. */
  async #attempt(tag: number, restore: Restore): Promise<boolean> {
    const { store, node, logger } = this.#options;
    try {
      const { seen } = restore;
      await this.#raise(tag, [...seen.values()].flat());
      if (restore.seen === seen) restore.seen = NOTHING_SEEN;
      const claim = await store.claimRestore(tag, node, CLAIM_MS);
      if (claim === 'taken') await this.#pause(TAKEN_POLL_MS);
      if (claim !== 'claimed') return claim === 'restored';
      await this.#raiseToCheckpoints(tag);
      const isRestored = (await store.claimRestore(tag, node, 0)) === 'restored';
      if (isRestored && this.#isFailing) logger.info({}, 'checkpoints: restoring quotas recovered');
      if (isRestored) this.#isFailing = false;
      return isRestored;
    } catch (error) {
      const isStoreAway = error instanceof StoreUnavailable;
      if (!isStoreAway && !this.#isFailing) {
        logger.warn({ err: error }, 'checkpoints: could not restore lost quotas; retrying');
        this.#isFailing = true;
      }
      await this.#pause(isStoreAway ? RETRY_DELAY_MS : DATABASE_RETRY_DELAY_MS);
      return false;
    }
  }

  async #raiseToCheckpoints(tag: number): Promise<void> {
    for await (const rows of this.#options.table.pages(tag, ROWS_PER_READ)) await this.#raise(tag, rows);
  }

  /** Restores counters that decisions ask about. Each node does that for itself. */
  async #restoreCounters(counters: readonly DemandedCounter[]): Promise<void> {
    const names = counters.map(({ subject, limit }) => ({ subject, identity: limit.identity }));
    const kept = await this.#options.table.readCounters(names);
    const seen = counters.flatMap(({ subject }) => {
      return this.#restores.get(computeVirtualTag(subject))?.seen.get(subject) ?? [];
    });
    const byTag = Map.groupBy([...kept, ...seen], ({ subject }) => computeVirtualTag(subject));
    await Promise.all([...byTag].map(([tag, checkpoints]) => this.#raise(tag, checkpoints)));
  }

  async #raise(tag: number, checkpoints: readonly Checkpoint[]): Promise<void> {
    const { store, now, tally } = this.#options;
    const time = now();
    const counters = checkpoints.flatMap(({ subject, used, identity, periodEnd }): RestorableCounter[] => {
      const limit = this.#limits.find({ identity, periodEnd }, time);
      return limit === undefined ? [] : [{ subject, limit, used, periodEnd }];
    });
    if (counters.length === 0) return;
    const raised = await store.raiseCounters(tag, counters);
    // Apart from the call: other tags are restored meanwhile, and an addition would begin with what was there before it.
    tally.restoredCounters += raised;
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => {}); // the stop ends the loop
  }
}
