import { parseWindow } from './window.ts';

/** What all limits have that count hits. */
interface Counted {
  readonly name: string;
  readonly requests: number;
  /** Of a calendar's month and year, which differ in length, 30 and 365 days. */
  readonly windowSeconds: number;
  /**
   * What makes two limits of one subject the same counter: name, algorithm, window; no `|`. `requests` is not in it: a
   * raised limit keeps what was used.
   */
  readonly identity: string;
  /** From the first refusal on everything is refused for so long; undefined: only what does not fit. */
  readonly blockForSeconds?: number;
  /** What decides while the counters cannot be reached; undefined: `local`. */
  readonly onStoreFailure?: StoreFailurePolicy;
}

/** `local`: this node's own counters, with its share of the limit; `allow` and `deny` without counting. */
export type StoreFailurePolicy = 'local' | 'allow' | 'deny';

/** Never more than `requests` in any rolling window of `windowSeconds`. */
export interface SlidingWindowLimit extends Counted {
  readonly algorithm: 'sliding_window';
  /** Nodes take slices of it ahead, and decide alone while they last. */
  readonly lease?: boolean;
}

/** At most `requests` in each window; windows begin at multiples of their length since 1970. */
export interface FixedWindowLimit extends Counted {
  readonly algorithm: 'fixed_window';
}

/** At most `burst` at once, refilled evenly by `requests` in `windowSeconds`. */
export interface TokenBucketLimit extends Counted {
  readonly algorithm: 'token_bucket';
  readonly burst: number;
}

/** At most `requests` in each hour, day, ISO week, month or year of a time zone. */
export interface CalendarLimit extends Counted {
  readonly algorithm: 'calendar';
  readonly unit: CalendarUnit;
  /** IANA name; undefined: UTC. */
  readonly timeZone?: string;
  /** Day on which a month begins, 1 to 31; in a shorter month its last one. undefined: 1. */
  readonly anchorDay?: number;
}

export type CalendarUnit = 'hour' | 'day' | 'week' | 'month' | 'year';

/** At most `requests` hits that were not given back, each forgotten after `windowSeconds`, so that a crash leaks none. */
export interface ConcurrencyLimit extends Counted {
  readonly algorithm: 'concurrency';
}

/** Written down to say so; counts nothing. */
export interface UnlimitedLimit {
  readonly name: string;
  readonly algorithm: 'unlimited';
  readonly identity: string;
}

export type CountedLimit =
  | SlidingWindowLimit
  | FixedWindowLimit
  | TokenBucketLimit
  | CalendarLimit
  | ConcurrencyLimit;

export type Limit = CountedLimit | UnlimitedLimit;

/** A limit as it is written in plans, keys and rules files; nothing of it is trusted yet. */
export interface WrittenLimit {
  readonly name: string;
  readonly requests: number;
  readonly window: string;
  /** Empty: sliding_window. */
  readonly algorithm: string;
}

/** What is wrong with one field, in words for whoever wrote it. */
export interface Fault {
  readonly field: string;
  readonly description: string;
}

const NAME = /^[a-z0-9_-]{1,63}$/;
const MOST_REQUESTS = 2 ** 32 - 1;
const CALENDAR_WINDOWS = [3600, 86_400];

/** A limit that cannot be wrong, or every fault of what was written, each with the field's name. */
export function parseLimit(written: WrittenLimit): CountedLimit | readonly Fault[] {
  const faults: Fault[] = [];
  const fault = (field: string, description: string) => faults.push({ field, description });
  const { name, requests } = written;
  if (!NAME.test(name)) fault('name', 'must be 1 to 63 characters of a-z, 0-9, "-" and "_"');
  if (!Number.isInteger(requests) || requests < 1 || requests > MOST_REQUESTS) {
    fault('requests', `must be a whole number from 1 to ${MOST_REQUESTS}`);
  }
  const windowSeconds = parseWindow(written.window) ?? 0;
  if (windowSeconds === 0) fault('window', 'must be a whole number and a unit, such as 30s, 5m, 1h or 1d, up to 3650d');
  const algorithm = written.algorithm === '' ? 'sliding_window' : written.algorithm;
  if (algorithm !== 'sliding_window' && algorithm !== 'calendar') {
    fault('algorithm', 'must be sliding_window or calendar');
  } else {
    if (algorithm === 'calendar' && windowSeconds !== 0 && !CALENDAR_WINDOWS.includes(windowSeconds)) {
      fault(
        'window',
        'must be 1h or 1d for the algorithm calendar, which limits of a plan have from 1d on unless they name another',
      );
    }
    if (faults.length === 0) {
      const counted = { name, requests, windowSeconds, identity: `${name}/${algorithm}/${windowSeconds}` };
      if (algorithm === 'sliding_window') return { ...counted, algorithm };
      return { ...counted, algorithm, unit: windowSeconds === 3600 ? 'hour' : 'day' };
    }
  }
  return faults;
}

/** The limit as it is written, its window in seconds as google.protobuf.Duration is in JSON. `parseLimit` reads it back. */
export function writeLimit(limit: Limit): WrittenLimit {
  if (limit.algorithm === 'unlimited') return { name: limit.name, requests: 0, window: '', algorithm: limit.algorithm };
  const { name, requests, algorithm, windowSeconds } = limit;
  return { name, requests, window: `${windowSeconds}s`, algorithm };
}
