import { setTimeout as sleep } from 'node:timers/promises';
import type { CounterStore } from '../../decide/ports.ts';
import type { StoreLogger } from '../../interfaces/logger.ts';
import type { Query } from '../../interfaces/query.ts';
import { readSystemMicros } from '../clocks.ts';
import type { LateChargeStore } from '../failure-policy/late-charges.ts';
import type { MemoryStore } from '../memory/memory-store.ts';
import { computeVirtualTag } from '../redis/batch/counter-key.ts';
import { CheckpointLog } from './checkpoint-log.ts';
import { CheckpointTable } from './checkpoint-table.ts';
import { CheckpointWriter } from './checkpoint-writer.ts';
import { CheckpointedLateCharges } from './checkpointed-late-charges.ts';
import { CheckpointingStore } from './checkpointing-store.ts';
import { DriftSampler } from './drift-sampler.ts';
import { HeldTags, MAX_HOLD_MS } from './held-tags.ts';
import { restoreMemory } from './restore-memory.ts';
import type { DemandedCounter } from './restore-on-demand.ts';
import { RedisRestore, type RestorableStore } from './restore-redis.ts';
import { RestoreTally } from './restore-tally.ts';

export interface CheckpointsOptions {
  /** A connection of their own. */
  readonly query: Query;
  /** Time that the last write of a stop may take, in ms. */
  readonly stopPatienceMs: number;
}

/** Figures that the metrics of checkpoints read. */
export interface CheckpointFigures {
  /** Checkpoints that wait to be written. */
  readonly waiting: number;
  readonly written: number;
  readonly dropped: number;
  /** Seconds since all that waited were last written. */
  readonly ageSeconds: number;
  /** Tags whose counters may be lost and are not restored yet. */
  readonly lostTags: number;
  /** Whether all counters were restored that may be lost, or decisions wait for that no longer. */
  readonly isRestored: boolean;
  readonly restores: Readonly<RestoreTally>;
  /** Differences between the counters and the checkpoints of a sample, in hits. */
  readonly drift: Pick<DriftSampler, 'missingHits' | 'unwrittenHits'>;
}

/** The checkpoints of one process. */
export interface Checkpoints {
  readonly figures: CheckpointFigures;
  /** Returns the store with checkpoints: all decisions on its counters have to go through it. Called once. */
  wrap(store: CounterStore): CounterStore;
  /** Returns the store of late charges, which keeps them while their counters are being restored. */
  wrapLateCharges(store: LateChargeStore): LateChargeStore;
  /** Begins to restore quotas in Redis whenever they are lost. Returns how to report tags that were found to be lost. */
  restoreRedis(store: RestorableStore, node: string): (tags: readonly number[]) => void;
  /** Restores counters of a process that has lost them. Resolves after 2 s at the latest; then it goes on by itself. */
  restoreMemory(memory: MemoryStore): Promise<void>;
  /** Writes what is left. */
  close(): Promise<void>;
}

export function openCheckpoints({ query, stopPatienceMs }: CheckpointsOptions, logger: StoreLogger): Checkpoints {
  const log = new CheckpointLog();
  const table = new CheckpointTable(query);
  const held = new HeldTags();
  const restores = new RestoreTally();
  const stopping = new AbortController();
  const drift = new DriftSampler({ table, now: readSystemMicros });
  let isRestoringMemory = false;
  /** undefined: the counters are in memory. */
  let redis: RedisRestore | undefined;
  const writer = new CheckpointWriter({ log, table, isRestoring: () => isRestoringMemory, logger });
  const now = readSystemMicros;
  return {
    figures: createFigures({ log, writer, held, restores, drift }),
    wrap(store) {
      drift.start(store, stopping.signal);
      const onHeld = (decisions: number) => {
        restores.heldDecisions += decisions;
      };
      const isHeld = (counter: DemandedCounter) =>
        redis?.isHeld(counter) ?? held.has(computeVirtualTag(counter.subject));
      return new CheckpointingStore({ store, log, writer, held, isHeld, now, onHeld });
    },
    wrapLateCharges(store) {
      const isHeld = (subject: string) => held.size > 0 && redis?.keepsLateCharges(computeVirtualTag(subject)) === true;
      return new CheckpointedLateCharges({ store, log, isHeld });
    },
    restoreRedis(store, node) {
      const restore = new RedisRestore({ store, table, log, held, node, now, tally: restores, logger });
      stopping.signal.addEventListener('abort', () => restore.close());
      redis = restore;
      restore.start();
      return (tags) => restore.restore(tags);
    },
    async restoreMemory(memory) {
      isRestoringMemory = true;
      const options = { memory, table, held, now, tally: restores, logger, signal: stopping.signal };
      const restored = restoreMemory(options).finally(() => {
        isRestoringMemory = false;
      });
      // A start does not wait longer for Postgres.
      await Promise.race([restored, sleep(MAX_HOLD_MS, undefined, { ref: false })]);
    },
    async close() {
      stopping.abort();
      await writer.stop(stopPatienceMs);
    },
  };
}

interface FigureSources extends Pick<CheckpointFigures, 'restores' | 'drift'> {
  readonly log: CheckpointLog;
  readonly writer: CheckpointWriter;
  readonly held: HeldTags;
}

function createFigures({ log, writer, held, restores, drift }: FigureSources): CheckpointFigures {
  return {
    get waiting() {
      return log.size;
    },
    get written() {
      return writer.written;
    },
    get dropped() {
      return log.dropped;
    },
    get ageSeconds() {
      return (performance.now() - writer.writtenAt) / 1000;
    },
    get lostTags() {
      return held.size;
    },
    get isRestored() {
      return !held.isHolding;
    },
    restores,
    drift,
  };
}
