import type { CalendarLimit, CountedLimit } from '../limits/limit.ts';
import { type CalendarPeriods, periodsAt } from './calendar-period.ts';

/** What of a limit its counter's arithmetic needs. All times are in µs. */
export type CounterSpec = WindowSpec | CalendarSpec | TokenBucketSpec;

interface AnyTerm {
  readonly requests: number;
  /** How long everything is refused from the first refusal on; 0: not at all. */
  readonly block: number;
}

/** A hit at t counts until t rounded down to `resolution`, plus `life`. */
export interface WindowSpec extends AnyTerm {
  readonly kind: 'span';
  readonly resolution: number;
  readonly life: number;
}

/** A hit counts until its period ends. Three ends, as the clock of whoever counts need not agree with ours. */
export interface CalendarSpec extends AnyTerm {
  readonly kind: 'period';
  readonly start: number;
  readonly end: number;
  readonly next: number;
}

/** Hits are forgotten evenly, `requests` in each `window`; `burst` of them may be held. */
export interface TokenBucketSpec extends AnyTerm {
  readonly kind: 'rate';
  readonly window: number;
  readonly burst: number;
}

/** Up to so many hits a limit keeps the time of each; with more, it keeps sub-buckets. */
const MOST_EXACT_REQUESTS = 64;
export const SUB_BUCKETS = 16;
const MICROSECONDS = 1_000_000;

const terms = new WeakMap<CountedLimit, CounterSpec>();

/**
 * The term of a limit at `now` (µs since 1970), which only calendars look at. Kept by limit: it is asked for at every
 * decision, and limits are few and long-lived.
 */
export function counterSpec(limit: CountedLimit, now: number): CounterSpec {
  const known = terms.get(limit);
  if (known !== undefined && (known.kind !== 'period' || (known.start <= now && now < known.end))) return known;
  const term = makeTerm(limit, now);
  terms.set(limit, term);
  return term;
}

function makeTerm(limit: CountedLimit, now: number): CounterSpec {
  const { requests } = limit;
  const window = limit.windowSeconds * MICROSECONDS;
  const block = (limit.blockForSeconds ?? 0) * MICROSECONDS;
  switch (limit.algorithm) {
    case 'sliding_window':
    case 'concurrency': {
      if (requests <= MOST_EXACT_REQUESTS) return { kind: 'span', requests, block, resolution: 1, life: window };
      // A hit counts as if made at the end of its sub-bucket, so that none is forgotten early.
      const resolution = window / SUB_BUCKETS;
      return { kind: 'span', requests, block, resolution, life: window + resolution };
    }
    case 'fixed_window':
      return { kind: 'span', requests, block, resolution: window, life: window };
    case 'token_bucket':
      return { kind: 'rate', requests, block, window, burst: limit.burst };
    case 'calendar':
      return { kind: 'period', requests, block, ...periodsAt(periodsOf(limit), now) };
  }
}

function periodsOf({ unit, timeZone = 'UTC', anchorDay = 1 }: CalendarLimit): CalendarPeriods {
  return { unit, timeZone, anchorDay };
}
