import { parseWindow } from './window.ts';

/** Never more than `requests` in any rolling window of `windowSeconds`. */
export interface SlidingWindowLimit {
  readonly name: string;
  readonly algorithm: 'sliding_window';
  readonly requests: number;
  readonly windowSeconds: number;
  /** What makes two limits of one subject the same counter. `requests` is not in it: a raised limit keeps what was used. */
  readonly identity: string;
}

/** At most `requests` in each whole hour or day of UTC. */
export interface CalendarLimit {
  readonly name: string;
  readonly algorithm: 'calendar';
  readonly requests: number;
  /** 3600 or 86400. */
  readonly windowSeconds: number;
  readonly identity: string;
}

export type Limit = SlidingWindowLimit | CalendarLimit;

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
export function parseLimit(written: WrittenLimit): Limit | readonly Fault[] {
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
      return { name, algorithm, requests, windowSeconds, identity: `${name}/${algorithm}/${windowSeconds}` };
    }
  }
  return faults;
}

/** The limit as it is written, its window in seconds as google.protobuf.Duration is in JSON. `parseLimit` reads it back. */
export function writeLimit(limit: Limit): WrittenLimit {
  const { name, requests, algorithm, windowSeconds } = limit;
  return { name, requests, window: `${windowSeconds}s`, algorithm };
}
