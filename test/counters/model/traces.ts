import fc from 'fast-check';
import type { Charge } from '../../../src/decide/ports.ts';
import { parseDuration } from '../../../src/domain/limits/duration.ts';
import type { CalendarUnit, CountedLimit } from '../../../src/domain/limits/limit.ts';

/** Noon of a day in 2026, in µs; far from any hour's end. */
export const NOON = Date.UTC(2026, 2, 14, 12, 20) * 1000;
export const SECOND = 1_000_000;
export const HOUR = 3600 * SECOND;
export const DAY = 24 * HOUR;

/** So many random traces of each algorithm, always the same ones. */
export const TRACE_RUNS = { numRuns: 10_000, seed: 20_261_121 };

interface SpanOptions {
  readonly algorithm?: 'sliding_window' | 'fixed_window' | 'concurrency';
  readonly name?: string;
  readonly blockForSeconds?: number;
}

interface BucketOptions {
  readonly algorithm: 'token_bucket';
  readonly name?: string;
  readonly blockForSeconds?: number;
  /** As many as `requests`, where it is not given. */
  readonly burst?: number;
}

interface CalendarOptions {
  readonly algorithm: 'calendar';
  readonly unit: CalendarUnit;
  readonly name?: string;
  readonly blockForSeconds?: number;
  readonly timeZone?: string;
  readonly anchorDay?: number;
}

export type LimitOptions = SpanOptions | BucketOptions | CalendarOptions;

/** A limit of any algorithm, sliding_window if none is named, with what the parser makes up. */
export function makeLimit(requests: number, window: string, options: LimitOptions = {}): CountedLimit {
  const windowSeconds = parseDuration(window);
  if (windowSeconds === undefined) throw new Error(`a test has no such window: ${window}`);
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
): CountedLimit {
  return makeLimit(requests, CALENDAR_WINDOWS[unit], { ...options, algorithm: 'calendar', unit });
}

export function makeCharge(subject: string, limit: CountedLimit, hits = 1): Charge {
  return { subject, limit, hits };
}

/** Hits that were spent already. */
export function makeSettlement(subject: string, limit: CountedLimit, hits: number): Charge {
  return { subject, limit, hits, isSettlement: true };
}

/** Waits that matter for a window: nothing, a µs, about a sub-bucket, about the window, anything between. In µs. */
export function waits(windowSeconds: number): fc.Arbitrary<number> {
  const window = windowSeconds * SECOND;
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.constant(1) },
    { weight: 6, arbitrary: fc.integer({ min: 0, max: window / 16 }) },
    { weight: 2, arbitrary: fc.constant(window / 16) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: window }) },
    { weight: 1, arbitrary: fc.constantFrom(window - 1, window, window + 1, window + window / 16) },
  );
}

/** Steps of a clock that is set back: by moments, by about an eighth of the window, by more than it. In µs, below 0. */
export function clockStepsBack(windowSeconds: number): fc.Arbitrary<number> {
  const window = windowSeconds * SECOND;
  return fc.oneof(
    fc.constantFrom(-1, -1000, -window / 16, -window / 8, 1 - window / 8, -1 - window / 8, -window, -5 * window),
    fc.integer({ min: Math.ceil(-window / 8), max: -1 }),
    fc.integer({ min: -3 * window, max: -1 }),
  );
}
