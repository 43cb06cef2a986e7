import { MemoryStore } from '../../src/counters/memory/memory-store.ts';
import { formatSubject } from '../../src/domain/counting/counter-subject.ts';
import { parseLimit } from '../../src/domain/limits/parse-limit.ts';
import { RollingLog } from './rolling-log.ts';
import { SUBJECTS, WINDOW } from './trace.ts';

/** Whether a request of the subject at `time` (µs since 1970, not before the last one) is granted. Rejected is free. */
export type Limiter = (subject: number, time: number) => boolean | Promise<boolean>;

export interface NamedLimiter {
  readonly name: string;
  /** `requests` in WINDOW for each of SUBJECTS. */
  readonly make: (requests: number) => Limiter;
}

export const EXACT_LOG = 'exact log';

export const LIMITERS: readonly NamedLimiter[] = [
  { name: 'Weir', make: weir },
  { name: 'two buckets', make: twoBuckets },
  { name: 'fixed window', make: fixedWindow },
  { name: 'GCRA', make: gcra },
  { name: EXACT_LOG, make: exactLog },
];

/** What `weir serve` counts with when it has no Redis, on the trace's clock. */
function weir(requests: number): Limiter {
  const limit = parseLimit({ name: '1m', requests, window: '1m', algorithm: 'sliding_window' });
  if ('faults' in limit || limit.algorithm === 'unlimited') throw new Error('the limit is no limit');
  let now = 0;
  const store = new MemoryStore({ now: () => now, maxCounters: SUBJECTS * 2, source: 'memory' });
  const decisions = Array.from({ length: SUBJECTS }, (_, subject) => [
    { charges: [{ subject: formatSubject('key', `${subject}`), limit, hits: 1 }] },
  ]);
  return async (subject, time) => {
    now = time;
    const [outcome] = await store.decide(decisions[subject] ?? []);
    if (outcome === undefined || outcome instanceof Error) throw new Error('not decided', { cause: outcome });
    return outcome.granted;
  };
}

/**
 * Cloudflare's: what the last fixed window had, weighted by how much of it the rolling one still overlaps, plus what the
 * current one has (https://blog.cloudflare.com/counting-things-a-lot-of-different-things/).
 */
function twoBuckets(requests: number): Limiter {
  const places = new Float64Array(SUBJECTS);
  const previous = new Uint32Array(SUBJECTS);
  const current = new Uint32Array(SUBJECTS);
  return (subject, time) => {
    const place = Math.floor(time / WINDOW);
    const passed = place - (places[subject] ?? 0);
    if (passed > 0) {
      previous[subject] = passed === 1 ? (current[subject] ?? 0) : 0;
      current[subject] = 0;
      places[subject] = place;
    }
    const overlap = (WINDOW - (time % WINDOW)) / WINDOW;
    const count = (current[subject] ?? 0) + 1;
    if ((previous[subject] ?? 0) * overlap + count > requests) return false;
    current[subject] = count;
    return true;
  };
}

/** envoyproxy/ratelimit's: windows begin at multiples of their length. */
function fixedWindow(requests: number): Limiter {
  const places = new Float64Array(SUBJECTS);
  const counts = new Uint32Array(SUBJECTS);
  return (subject, time) => {
    const place = Math.floor(time / WINDOW);
    if (places[subject] !== place) counts[subject] = 0;
    places[subject] = place;
    const count = (counts[subject] ?? 0) + 1;
    if (count > requests) return false;
    counts[subject] = count;
    return true;
  };
}

/** The generic cell rate algorithm (ITU-T I.371) with a burst of the whole limit; a cell for each subject. */
function gcra(requests: number): Limiter {
  const emission = WINDOW / requests;
  const arrivals = new Float64Array(SUBJECTS);
  return (subject, time) => {
    const next = Math.max(arrivals[subject] ?? 0, time) + emission;
    if (next - time > WINDOW) return false;
    arrivals[subject] = next;
    return true;
  };
}

function exactLog(requests: number): Limiter {
  const log = new RollingLog(SUBJECTS, WINDOW);
  return (subject, time) => {
    if (log.count(subject, time) >= requests) return false;
    log.add(subject, time);
    return true;
  };
}
