import type { NamedLimiter } from './limiters.ts';
import { RollingLog } from './rolling-log.ts';
import { SUBJECTS, type Trace, WINDOW_MICROS } from './trace.ts';

/**
 * Bands of the load of a request. The load is the number of requests that its subject has sent in the window that ends
 * with it, divided by the limit.
 */
export const LOAD_BANDS = ['< 70%', '70–90%', '90–100%', '> 100%'] as const;
const BAND_ENDS = [0.7, 0.9, 1] as const;

export interface DecisionCounts {
  requests: number;
  granted: number;
  /** Grants with which a rolling window contained more than the limit. */
  wronglyGranted: number;
  /** Rejections although the rolling window of the limiter's own grants had room. */
  wronglyRejected: number;
}

/** Result of one limiter with one limit. */
export interface Evaluation {
  readonly limiter: string;
  /** Requests a minute. */
  readonly limit: number;
  /** Counts of each load band. */
  readonly countsByBand: readonly DecisionCounts[];
  /** Most requests that one subject was granted in a rolling window. */
  readonly maxGranted: number;
  readonly seconds: number;
}

/** Runs a limiter on the whole trace, and compares each decision with an exact log of what the limiter has granted. */
export async function evaluateLimiter(
  { name, create }: NamedLimiter,
  limit: number,
  trace: Trace,
): Promise<Evaluation> {
  const limiter = create(limit);
  const log = new RollingLog(SUBJECTS, WINDOW_MICROS);
  const countsByBand = LOAD_BANDS.map(createCounts);
  let maxGranted = 0;
  const start = performance.now();
  for (let index = 0; index < trace.length; index++) {
    const subject = trace.subjectAt(index);
    const time = trace.timeAt(index);
    const counts = countsByBand[findBandIndex(trace.demandAt(index) / limit)];
    if (counts === undefined) throw new Error('countsByBand: must contain every band');
    counts.requests++;
    const granted = limiter(subject, time);
    // Not always awaited: waiting for a result that exists takes longer than most of these limiters.
    if (typeof granted === 'boolean' ? granted : await granted) {
      counts.granted++;
      const inWindow = log.add(subject, time);
      if (inWindow > limit) counts.wronglyGranted++;
      maxGranted = Math.max(maxGranted, inWindow);
    } else if (log.count(subject, time) < limit) {
      counts.wronglyRejected++;
    }
  }
  return { limiter: name, limit, countsByBand, maxGranted, seconds: (performance.now() - start) / 1000 };
}

function findBandIndex(load: number): number {
  if (load < BAND_ENDS[0]) return 0;
  if (load < BAND_ENDS[1]) return 1;
  return load <= BAND_ENDS[2] ? 2 : 3;
}

export function sumCounts(all: readonly DecisionCounts[]): DecisionCounts {
  const sum = createCounts();
  for (const counts of all) {
    sum.requests += counts.requests;
    sum.granted += counts.granted;
    sum.wronglyGranted += counts.wronglyGranted;
    sum.wronglyRejected += counts.wronglyRejected;
  }
  return sum;
}

function createCounts(): DecisionCounts {
  return { requests: 0, granted: 0, wronglyGranted: 0, wronglyRejected: 0 };
}
