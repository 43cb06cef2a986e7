import type { StoreLogger } from '../../interfaces/logger.ts';
import { type CounterFile, UnusableCounterFile } from './counter-file.ts';
import type { MemoryStore } from './memory-store.ts';

/**
 * Restores the counters of the last stop. Returns whether all of them were: not after a kill, nor at the first start. A file
 * that cannot be used does not stop the start. Its counters that were read before the fault are restored.
 */
export async function restoreCounters(memory: MemoryStore, file: CounterFile, log: StoreLogger): Promise<boolean> {
  let restored = 0;
  try {
    const count = await file.takeAll((counter) => {
      if (memory.import(counter)) restored++;
    });
    if (count !== undefined) log.info({ restored, ended: count - restored }, 'restored the counters of the last stop');
    return count !== undefined;
  } catch (error) {
    if (!(error instanceof UnusableCounterFile)) throw error;
    const fields = { file: error.isAt, restored, err: error };
    log.warn(fields, 'could not restore all counters of the last stop; those that are missing begin empty');
    return false;
  }
}

/** Stores the counters for the next start. A failure is logged, as nothing can be done about it while the process stops. */
export async function storeCounters(memory: MemoryStore, file: CounterFile, log: StoreLogger): Promise<void> {
  try {
    const stored = await file.write(memory.export());
    log.info({ stored }, 'stored the counters for the next start');
  } catch (error) {
    log.warn({ err: error }, 'could not store the counters; the next start begins with empty ones');
  }
}
