import { MemoryStore } from '../../src/counters/memory/memory-store.ts';
import { formatSubject } from '../../src/domain/counting/counter-subject.ts';
import { parseLimit } from '../../src/domain/limits/parse-limit.ts';
import { RollingLog } from './rolling-log.ts';
import { SUBJECTS, WINDOW_MICROS } from './trace.ts';

/**
 * Decides whether to grant a request of the subject at `time`, in µs since 1970. Time must not go backwards. A rejected
 * request is not counted.
 */
export type Limiter = (subject: number, time: number) => boolean | Promise<boolean>;

export interface NamedLimiter {
  readonly name: string;
  /** Creates a limiter that grants each subject `requests` in a window of WINDOW_MICROS. */
  readonly create: (requests: number) => Limiter;
}

export const WEIR = 'Weir';
export const EXACT_LOG = 'exact log';

export const LIMITERS: readonly NamedLimiter[] = [
  { name: WEIR, create: createWeir },
  { name: 'two buckets', create: createTwoBuckets },
  { name: 'fixed window', create: createFixedWindow },
  { name: 'GCRA', create: createGcra },
  { name: EXACT_LOG, create: createExactLog },
];

/** Weir's counters in memory, which `weir serve` uses without Redis, on the clock of the trace. */
function createWeir(requests: number): Limiter {
  const limit = parseLimit({ name: '1m', requests, window: '1m', algorithm: 'sliding_window' });
  if ('faults' in limit || limit.algorithm === 'unlimited') throw new Error('limit: must be valid');
  let now = 0;
  const store = new MemoryStore({ now: () => now, maxCounters: SUBJECTS * 2, source: 'memory' });
  const batches = Array.from({ length: SUBJECTS }, (_, subject) => [
    { charges: [{ subject: formatSubject('key', `${subject}`), limit, hits: 1 }] },
  ]);
  return async (subject, time) => {
    now = time;
    const [outcome] = await store.decide(batches[subject] ?? []);
    if (outcome === undefined || outcome instanceof Error)
      throw new Error('the store did not decide', { cause: outcome });
    return outcome.granted;
  };
}

/**
 * Cloudflare's algorithm. It adds what the current fixed window contains to what the previous one contained, weighted
 * by how much of that one the rolling window still overlaps
 * (https://blog.cloudflare.com/counting-things-a-lot-of-different-things/).
 */
function createTwoBuckets(requests: number): Limiter {
  /** The current fixed window of each subject, as a multiple of the window's length since 1970. */
  const windowNumbers = new Float64Array(SUBJECTS);
  const previousCounts = new Uint32Array(SUBJECTS);
  const currentCounts = new Uint32Array(SUBJECTS);
  return (subject, time) => {
    const windowNumber = Math.floor(time / WINDOW_MICROS);
    const passedWindows = windowNumber - (windowNumbers[subject] ?? 0);
    if (passedWindows > 0) {
      previousCounts[subject] = passedWindows === 1 ? (currentCounts[subject] ?? 0) : 0;
      currentCounts[subject] = 0;
      windowNumbers[subject] = windowNumber;
    }
    const overlap = (WINDOW_MICROS - (time % WINDOW_MICROS)) / WINDOW_MICROS;
    const count = (currentCounts[subject] ?? 0) + 1;
    if ((previousCounts[subject] ?? 0) * overlap + count > requests) return false;
    currentCounts[subject] = count;
    return true;
  };
}

/** The algorithm of envoyproxy/ratelimit: windows begin at multiples of their length. */
function createFixedWindow(requests: number): Limiter {
  /** As above. */
  const windowNumbers = new Float64Array(SUBJECTS);
  const counts = new Uint32Array(SUBJECTS);
  return (subject, time) => {
    const windowNumber = Math.floor(time / WINDOW_MICROS);
    if (windowNumbers[subject] !== windowNumber) counts[subject] = 0;
    windowNumbers[subject] = windowNumber;
    const count = (counts[subject] ?? 0) + 1;
    if (count > requests) return false;
    counts[subject] = count;
    return true;
  };
}

/** The generic cell rate algorithm (ITU-T I.371), with a burst of the whole limit. Each subject has its own state. */
function createGcra(requests: number): Limiter {
  const emissionInterval = WINDOW_MICROS / requests;
  const theoreticalArrivals = new Float64Array(SUBJECTS);
  return (subject, time) => {
    const next = Math.max(theoreticalArrivals[subject] ?? 0, time) + emissionInterval;
    if (next - time > WINDOW_MICROS) return false;
    theoreticalArrivals[subject] = next;
    return true;
  };
}

/** Keeps the time of every grant. It is never wrong. */
function createExactLog(requests: number): Limiter {
  const log = new RollingLog(SUBJECTS, WINDOW_MICROS);
  return (subject, time) => {
    if (log.count(subject, time) >= requests) return false;
    log.add(subject, time);
    return true;
  };
}
