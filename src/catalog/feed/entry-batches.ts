import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CatalogEntry } from './catalog-rows.ts';

/** A model that takes entries in. */
export interface FollowingModel {
  apply(entry: CatalogEntry): void;
}

/** Entries that are applied or exported before decisions get a turn: about 1 ms. */
const ENTRIES_PER_TURN = 250;

/** Applies entries in steps, so that decisions get a turn in between. `beforeEach` gets each before it is applied. */
export async function applyEntries(
  model: FollowingModel,
  entries: Iterable<CatalogEntry>,
  beforeEach?: (entry: CatalogEntry) => void,
): Promise<void> {
  let applied = 0;
  for (const entry of entries) {
    beforeEach?.(entry);
    model.apply(entry);
    applied += 1;
    if (applied % ENTRIES_PER_TURN === 0) await nextTurn();
  }
}

/** Groups entries into batches that take about 1 ms each. */
export function* toBatches(entries: Iterable<CatalogEntry>): Generator<readonly CatalogEntry[]> {
  let batch: CatalogEntry[] = [];
  for (const entry of entries) {
    batch.push(entry);
    if (batch.length < ENTRIES_PER_TURN) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
