// node --expose-gc bench/counter-bytes/in-memory.ts PLACE: fills FILLINGS[PLACE] in memory, prints MemoryBytes as JSON.
// It is a process of its own, as what another filling left in the heap would be used again and not show.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { MemoryStore } from '../../src/counters/memory/memory-store.ts';
import { FILLINGS, type Filling, fill, KEY_NAMING } from './fill.ts';

/** Bytes for each counter, its name included: that of the subjects themselves is there before. */
export interface MemoryBytes {
  /** `MemoryStore.bytes`: pages of packed counters and names. */
  readonly store: number;
  /** Of the JavaScript heap and of array buffers together, after a collection of garbage. */
  readonly heap: number;
  readonly resident: number;
}

export const COUNTERS_IN_MEMORY = 1_000_000;

export function bytesInMemory(place: number): MemoryBytes {
  const file = fileURLToPath(import.meta.url);
  const text = execFileSync(process.execPath, ['--expose-gc', file, `${place}`], { encoding: 'utf8' });
  return JSON.parse(text) as MemoryBytes; // printed below
}

async function measure(filling: Filling): Promise<MemoryBytes> {
  const subjects = Array.from({ length: COUNTERS_IN_MEMORY }, KEY_NAMING.subject).map(flat);
  let now = 0;
  const store = new MemoryStore({ now: () => now, maxCounters: COUNTERS_IN_MEMORY, source: 'memory' });
  const before = usage();
  const setClock = (time: number) => {
    now = time;
  };
  await fill(store, setClock, subjects, filling, KEY_NAMING.limitName);
  const after = usage();
  if (store.size !== subjects.length) throw new Error(`${store.size} counters instead of ${subjects.length}`);
  const each = (bytes: number) => bytes / subjects.length;
  return {
    store: each(store.bytes),
    heap: each(after.heap - before.heap),
    resident: each(after.resident - before.resident),
  };
}

/** Joined strings are kept as trees until somebody needs their characters, as whoever looks them up does. */
function flat(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function usage() {
  if (globalThis.gc === undefined) throw new Error('run it with --expose-gc');
  globalThis.gc();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss };
}

if (import.meta.main) {
  const filling = FILLINGS[Number(process.argv[2])];
  if (filling === undefined) throw new Error('in-memory.ts: takes the place of a filling');
  process.stdout.write(JSON.stringify(await measure(filling)));
}
