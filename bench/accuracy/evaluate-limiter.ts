import type { NamedLimiter } from './limiters.ts';
import { RollingLog } from './rolling-log.ts';
import { SUBJECTS, type Trace, WINDOW } from './trace.ts';

/** A request's load is what its subject asked for in the window that ends with it, over the limit. */
export const BANDS = ['< 70%', '70–90%', '90–100%', '> 100%'] as const;
const BAND_ENDS = [0.7, 0.9, 1] as const;

export interface Count {
  requests: number;
  granted: number;
  /** Grants by which a rolling window had more than the limit. */
  wronglyGranted: number;
  /** Refusals although the rolling window of the limiter's own grants had room. */
  wronglyRefused: number;
}

/** Of one limiter, under one limit. */
export interface Judged {
  readonly limiter: string;
  /** In a minute. */
  readonly limit: number;
  /** By band. */
  readonly counts: readonly Count[];
  /** What one subject was granted at most in a rolling window. */
  readonly mostGranted: number;
  readonly seconds: number;
}

/** Plays the whole trace through the limiter, beside an exact log of what it grants. */
export async function judge({ name, make }: NamedLimiter, limit: number, trace: Trace): Promise<Judged> {
  const limiter = make(limit);
  const log = new RollingLog(SUBJECTS, WINDOW);
  const counts = BANDS.map((): Count => noCount());
  let mostGranted = 0;
  const began = performance.now();
  for (let place = 0; place < trace.length; place++) {
    const subject = trace.subjectOf(place);
    const time = trace.timeOf(place);
    const count = counts[bandOf(trace.demandOf(place) / limit)];
    if (count === undefined) throw new Error('a band has no count');
    count.requests++;
    const granted = limiter(subject, time);
    // Not always: waiting for what is there already would take longer than most of these limiters.
    if (typeof granted === 'boolean' ? granted : await granted) {
      count.granted++;
      const inWindow = log.add(subject, time);
      if (inWindow > limit) count.wronglyGranted++;
      mostGranted = Math.max(mostGranted, inWindow);
    } else if (log.count(subject, time) < limit) {
      count.wronglyRefused++;
    }
  }
  return { limiter: name, limit, counts, mostGranted, seconds: (performance.now() - began) / 1000 };
}

function bandOf(load: number): number {
  if (load < BAND_ENDS[0]) return 0;
  if (load < BAND_ENDS[1]) return 1;
  return load <= BAND_ENDS[2] ? 2 : 3;
}

export function sumOf(counts: readonly Count[]): Count {
  const sum = noCount();
  for (const each of counts) {
    sum.requests += each.requests;
    sum.granted += each.granted;
    sum.wronglyGranted += each.wronglyGranted;
    sum.wronglyRefused += each.wronglyRefused;
  }
  return sum;
}

function noCount(): Count {
  return { requests: 0, granted: 0, wronglyGranted: 0, wronglyRefused: 0 };
}
