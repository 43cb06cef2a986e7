import type { Charge } from '../../../src/decide/ports.ts';
import { parseDuration } from '../../../src/domain/limits/duration.ts';
import type {
  CalendarUnit,
  CountedLimit,
  CreditsLimit,
  SlidingWindowLimit,
  TimedLimit,
} from '../../../src/domain/limits/limit.ts';

/** A time in 2026, in µs since 1970: 12:20, far from the end of an hour. */
export const NOON = Date.UTC(2026, 2, 14, 12, 20) * 1000;
/** Durations in µs. */
export const SECOND = 1_000_000;
export const HOUR = 3600 * SECOND;
export const DAY = 24 * HOUR;

interface WindowOptions {
  readonly algorithm?: 'sliding_window' | 'fixed_window' | 'concurrency';
  readonly name?: string;
  readonly blockForSeconds?: number;
  readonly chargeRejected?: true;
}

interface TokenBucketOptions {
  readonly algorithm: 'token_bucket';
  readonly name?: string;
  readonly blockForSeconds?: number;
  readonly chargeRejected?: true;
  /** Left out: as many as `requests`. */
  readonly burst?: number;
}

interface CalendarOptions {
  readonly algorithm: 'calendar';
  readonly unit: CalendarUnit;
  readonly name?: string;
  readonly blockForSeconds?: number;
  readonly chargeRejected?: true;
  readonly timeZone?: string;
  readonly anchorDay?: number;
}

export type LimitOptions = WindowOptions | TokenBucketOptions | CalendarOptions;

/** Builds a limit of any algorithm with a window, by default `sliding_window`, with the fields that the parser derives. */
export function makeLimit(requests: number, window: string, options: LimitOptions = {}): TimedLimit {
  const windowSeconds = parseDuration(window);
  if (windowSeconds === undefined) throw new Error(`window: must be a duration (got "${window}")`);
  const { name = 'burst', algorithm = 'sliding_window' } = options;
  const counted = { ...options, name, requests, windowSeconds, identity: `${name}/${algorithm}/${windowSeconds}` };
  switch (options.algorithm) {
    case 'token_bucket':
      return { ...counted, algorithm: options.algorithm, burst: options.burst ?? requests };
    case 'calendar':
      return { ...counted, algorithm: options.algorithm, unit: options.unit };
    default:
      return { ...counted, algorithm: options.algorithm ?? 'sliding_window' };
  }
}

const CALENDAR_WINDOWS = { hour: '1h', day: '1d', week: '7d', month: '30d', year: '365d' };

export function makeCalendarLimit(
  requests: number,
  unit: CalendarUnit,
  options: Omit<CalendarOptions, 'unit' | 'algorithm'> = {},
): TimedLimit {
  return makeLimit(requests, CALENDAR_WINDOWS[unit], { ...options, algorithm: 'calendar', unit });
}

export function makeCredits(
  requests: number,
  options: Pick<WindowOptions, 'name' | 'chargeRejected'> = {},
): CreditsLimit {
  const { name = 'trial' } = options;
  return { ...options, name, requests, algorithm: 'credits', identity: `${name}/b` };
}

/** Builds a limit that nodes may lease slices of. */
export function makeLeasedLimit(requests: number, windowSeconds: number): SlidingWindowLimit {
  const identity = `hot/s${windowSeconds}`;
  return { name: 'hot', algorithm: 'sliding_window', requests, windowSeconds, identity, lease: true };
}

export function makeCharge(subject: string, limit: CountedLimit, hits = 1): Charge {
  return { subject, limit, hits };
}

/** Builds a charge of hits that were spent already. */
export function makeSettlement(subject: string, limit: CountedLimit, hits: number): Charge {
  return { subject, limit, hits, isSettlement: true };
}
