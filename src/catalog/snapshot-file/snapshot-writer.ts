import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../interfaces/logger.ts';
import type { StoredCatalog } from './snapshot-file.ts';

export interface SnapshotWriterOptions {
  /** Exports the present copy of the catalog. */
  readonly exportCatalog: () => StoredCatalog;
  readonly write: (catalog: StoredCatalog) => Promise<void>;
  readonly intervalMs: number;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** Longest time that the last snapshot delays the stop. */
const MAX_STOP_MS = 5_000;

/**
 * Writes snapshots of the catalog in the background: at once, every interval, and at the stop. A copy that did not become
 * more current since the last snapshot is not written again. Returns a function that stops it.
 */
export function startSnapshotWriter(options: SnapshotWriterOptions): () => Promise<void> {
  const { exportCatalog, write, intervalMs, log } = options;
  const stopping = new AbortController();
  let writtenSyncedAt = 0;
  let isFailing = false;
  const writeOnce = async () => {
    const catalog = exportCatalog();
    if (catalog.syncedAt <= writtenSyncedAt) return;
    try {
      await write(catalog);
      writtenSyncedAt = catalog.syncedAt;
      if (isFailing) log.info({}, 'writing snapshots of the catalog works again');
      isFailing = false;
    } catch (error) {
      const message = 'could not write a snapshot of the catalog; the former one, if any, stays';
      if (!isFailing) log.warn({ err: error }, message);
      isFailing = true;
    }
  };
  const writing = (async () => {
    while (!stopping.signal.aborted) {
      await writeOnce();
      const delayMs = intervalMs * (1 - Math.random() / 4); // nodes that share a disk do not write all at once
      await sleep(delayMs, undefined, { signal: stopping.signal, ref: false }).catch(() => {}); // rejects at the stop
    }
    await writeOnce();
  })();
  return async () => {
    stopping.abort();
    await Promise.race([writing, sleep(MAX_STOP_MS, undefined, { ref: false })]);
  };
}
