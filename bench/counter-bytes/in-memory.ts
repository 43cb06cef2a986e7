// node --expose-gc bench/counter-bytes/in-memory.ts INDEX: fills FILLINGS[INDEX] in memory and prints MemoryBytes as
// JSON. Each filling has a process of its own: it would reuse what an earlier one left in the heap, and then not show
// it.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { MemoryStore } from '../../src/counters/memory/memory-store.ts';
import { API_KEY_NAMING, FILLINGS, type Filling, fillCounters } from './fill-counters.ts';

/** Bytes per counter. They include its name in the store, but not the subject that was created before. */
export interface MemoryBytes {
  /** `MemoryStore.bytes`: pages of packed counters and names. */
  readonly store: number;
  /** JavaScript heap and array buffers together, after a garbage collection. */
  readonly heap: number;
  readonly resident: number;
}

export const COUNTERS_IN_MEMORY = 1_000_000;

/** Measures FILLINGS[index] in a process of its own. */
export function measureInMemory(index: number): MemoryBytes {
  const file = fileURLToPath(import.meta.url);
  const text = execFileSync(process.execPath, ['--expose-gc', file, `${index}`], { encoding: 'utf8' });
  return JSON.parse(text) as MemoryBytes; // printed below
}

async function measure(filling: Filling): Promise<MemoryBytes> {
  const subjects = Array.from({ length: COUNTERS_IN_MEMORY }, (_, index) => API_KEY_NAMING.createSubject(index)).map(
    flattenString,
  );
  let now = 0;
  const store = new MemoryStore({ now: () => now, maxCounters: COUNTERS_IN_MEMORY, source: 'memory' });
  const before = readMemoryUsage();
  const setClock = (time: number) => {
    now = time;
  };
  await fillCounters(store, setClock, subjects, filling, API_KEY_NAMING.limitName);
  const after = readMemoryUsage();
  if (store.size !== subjects.length) {
    throw new Error(`counters: must be ${subjects.length} (got ${store.size})`);
  }
  const perCounter = (bytes: number) => bytes / subjects.length;
  return {
    store: perCounter(store.bytes),
    heap: perCounter(after.heap - before.heap),
    resident: perCounter(after.resident - before.resident),
  };
}

/**
 * Copies a string into one piece. V8 keeps a concatenated string as a tree until something reads its characters, as the
 * store does. That would change its memory during the measurement.
 */
function flattenString(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function readMemoryUsage() {
  if (globalThis.gc === undefined) throw new Error('in-memory.ts: must run with --expose-gc');
  globalThis.gc();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss };
}

if (import.meta.main) {
  const [, , index] = process.argv;
  const filling = FILLINGS[Number(index)];
  if (filling === undefined) throw new Error(`INDEX: must be from 0 to ${FILLINGS.length - 1} (got ${index})`);
  process.stdout.write(JSON.stringify(await measure(filling)));
}
