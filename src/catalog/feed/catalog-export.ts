import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ReadModel } from '../model/read-model.ts';
import type { CatalogEntry } from './catalog-rows.ts';
import { toBatches } from './entry-batches.ts';

/** Exports a copy of the catalog that changes meanwhile. One export runs at a time. */
export class CatalogExport {
  /** The entries that were applied since the export in progress began; undefined: there is none. */
  #changes: CatalogEntry[] | undefined;

  /** Adds an entry that is about to be applied to the model. */
  addChange(entry: CatalogEntry): void {
    this.#changes?.push(entry);
  }

  /**
   * Yields all entries in batches of about 1 ms, and the changes of the time in which they were read at the end. Throws if
   * another model takes the place of the first one.
   */
  async *readBatches(getModel: () => ReadModel): AsyncGenerator<readonly CatalogEntry[]> {
    const model = getModel();
    const changes: CatalogEntry[] = [];
    this.#changes = changes;
    try {
      for (const batch of toBatches(model.entries())) {
        yield batch;
        if (getModel() !== model) throw new Error('the catalog was reloaded meanwhile');
        await nextTurn();
      }
      yield* toBatches(changes);
    } finally {
      this.#changes = undefined;
    }
  }
}
