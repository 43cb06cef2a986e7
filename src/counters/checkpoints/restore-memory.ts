import { setTimeout as sleep } from 'node:timers/promises';
import { elementAt } from '../../collections/element-at.ts';
import { StoreUnavailable } from '../../decide/ports.ts';
import type { Checkpoint } from '../../domain/counting/checkpoint.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import type { StoreLogger } from '../../interfaces/logger.ts';
import type { MemoryStore } from '../memory/memory-store.ts';
import { VIRTUAL_TAG_COUNT } from '../redis/batch/counter-key.ts';
import type { CheckpointTable } from './checkpoint-table.ts';
import type { HeldTags } from './held-tags.ts';
import { RestorableLimits } from './restorable-limits.ts';
import type { RestoreTally } from './restore-tally.ts';

export interface MemoryRestoreOptions {
  readonly memory: MemoryStore;
  readonly table: Pick<CheckpointTable, 'pages'>;
  readonly held: HeldTags;
  /** µs since 1970. */
  readonly now: () => number;
  readonly tally: RestoreTally;
  readonly logger: StoreLogger;
  /** Ends attempts that wait for Postgres. */
  readonly signal: AbortSignal;
}

const ROWS_PER_READ = 1_000;
const RETRY_DELAY_MS = 500;

/** Restores the quotas of a process that has lost its counters. Repeats failed attempts until `signal` is aborted. */
export async function restoreMemory(options: MemoryRestoreOptions): Promise<void> {
  const { held, logger, signal, tally } = options;
  held.holdAll();
  let isFailing = false;
  const limits = new RestorableLimits();
  for (let tag = 0; tag < VIRTUAL_TAG_COUNT && !signal.aborted; ) {
    try {
      await restoreTag(tag, { ...options, limits });
      held.release(tag++);
    } catch (error) {
      if (!isFailing) {
        logger.warn({ err: error }, 'checkpoints: could not read what quotas had counted before the start; retrying');
      }
      isFailing = true;
      await sleep(RETRY_DELAY_MS, undefined, { signal, ref: false }).catch(() => {}); // the loop ends with the signal
    }
  }
  if (tally.restoredCounters > 0) {
    logger.info({ counters: tally.restoredCounters }, 'checkpoints: restored quotas whose counters were lost');
  }
}

interface TagOptions extends Pick<MemoryRestoreOptions, 'memory' | 'table' | 'held' | 'now' | 'tally'> {
  readonly limits: RestorableLimits;
}

/** Reads all checkpoints of the tag before it charges any, so that a failed attempt can be repeated. */
async function restoreTag(tag: number, { memory, table, held, limits, now, tally }: TagOptions): Promise<void> {
  const checkpoints: Checkpoint[] = [];
  for await (const rows of table.pages(tag, ROWS_PER_READ)) checkpoints.push(...rows);
  const hasDecided = held.isOverdue(tag);
  for (const checkpoint of checkpoints) {
    const limit = limits.find(checkpoint, now());
    if (limit !== undefined && restoreCounter(memory, limit, checkpoint, hasDecided)) tally.restoredCounters++;
  }
}

/**
 * Returns whether the counter was changed. What decisions have counted since the loss is added to (`hasDecided`). Otherwise
 * the counter has what a damaged file still had, which is part of the checkpoint.
 */
function restoreCounter(
  memory: MemoryStore,
  limit: CountedLimit,
  { subject, used }: Checkpoint,
  hasDecided: boolean,
): boolean {
  const charge = { subject, limit, hits: 0 };
  const [state] = memory.decide([{ charges: [charge] }]);
  if (state === undefined || state instanceof StoreUnavailable) return false;
  const isNew = hasDecided || elementAt(state.charges, 0).resetAfter === 0;
  if (limit.algorithm === 'credits' && !isNew) return false;
  const hits = isNew ? used : used - memory.countedHits(charge);
  if (hits > 0) memory.decide([{ charges: [{ ...charge, hits, isSettlement: true }] }]);
  else if (hits < 0 && limit.algorithm === 'credits') {
    void memory.correct([{ subject, limit, change: { kind: 'add_credits', credits: -hits, requestId: undefined } }]);
  }
  return hits !== 0;
}
