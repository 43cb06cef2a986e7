import { elementAt } from '../../collections/element-at.ts';
import { type CounterStore, StoreUnavailable } from '../../decide/ports.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import type { KeptCheckpoint } from './checkpoint-table.ts';
import type { RestorableLimits } from './restorable-limits.ts';

/** A counter next to its checkpoint. */
export interface ComparedCounter {
  readonly checkpoint: KeptCheckpoint;
  readonly limit: CountedLimit;
  /** Hits that the counter counts; of credits, those that were spent, less those that were added. */
  readonly counted: number;
  /** Unix time in µs at which it did, by the clock of the store. */
  readonly countedAt: number;
}

/**
 * Reads the counters of checkpoints. Leaves out those that say nothing: of ended periods, and while they are blocked. Throws
 * StoreUnavailable if the store does not answer.
 */
export async function compareCounters(
  store: Pick<CounterStore, 'decide'>,
  limits: RestorableLimits,
  checkpoints: readonly KeptCheckpoint[],
  now: number,
): Promise<readonly ComparedCounter[]> {
  const known = checkpoints.flatMap((checkpoint) => {
    const limit = limits.find(checkpoint, now);
    return limit === undefined ? [] : [{ checkpoint, limit }];
  });
  const decisions = known.map(({ checkpoint: { subject }, limit }) => ({ charges: [{ subject, limit, hits: 0 }] }));
  const results = await store.decide(decisions, undefined);
  return known.flatMap(({ checkpoint, limit }, index): ComparedCounter[] => {
    const result = elementAt(results, index);
    if (result instanceof StoreUnavailable) throw result;
    const { remaining, freeAt, resetAfter, blockedFor } = elementAt(result.charges, 0);
    if (blockedFor !== undefined) return [];
    return [{ checkpoint, limit, counted: limit.requests - remaining, countedAt: freeAt - resetAfter }];
  });
}
