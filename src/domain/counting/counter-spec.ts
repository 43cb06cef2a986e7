import type { CalendarLimit, CountedLimit } from '../limits/limit.ts';
import { type PeriodDefinition, periodAt } from './calendar-period.ts';

/** The part of a limit that the arithmetic of its counters needs. All times are in µs. */
export type CounterSpec = WindowSpec | CalendarSpec | TokenBucketSpec | CreditsSpec;

interface BaseCounterSpec {
  readonly requests: number;
  /** Time for which everything is rejected after the first rejection; 0: no block. */
  readonly blockMicros: number;
}

/** Counts a hit made at t until t rounded down to a multiple of `resolutionMicros`, plus `lifetimeMicros`. */
export interface WindowSpec extends BaseCounterSpec {
  readonly kind: 'window';
  readonly resolutionMicros: number;
  readonly lifetimeMicros: number;
}

/**
 * Counts a hit until its period ends. Times are µs since 1970. Includes the end of the next period, because the clock
 * of the store may differ from this node's.
 */
export interface CalendarSpec extends BaseCounterSpec {
  readonly kind: 'calendar';
  readonly start: number;
  readonly end: number;
  readonly nextEnd: number;
}

/** Refills evenly, `requests` tokens per `windowMicros`, and holds at most `burst` tokens. */
export interface TokenBucketSpec extends BaseCounterSpec {
  readonly kind: 'token_bucket';
  readonly windowMicros: number;
  readonly burst: number;
}

/** Counts a hit until it is refunded. */
export interface CreditsSpec extends BaseCounterSpec {
  readonly kind: 'credits';
}

/** Up to this many requests, a counter stores the exact time of each hit; above, it groups hits into sub-buckets. */
const MAX_EXACT_REQUESTS = 64;
export const SUB_BUCKETS_PER_WINDOW = 16;
const MICROS_PER_SECOND = 1_000_000;

/** Returns the length of a limit's window in µs. */
export function windowMicrosOf({ windowSeconds }: { readonly windowSeconds: number }): number {
  return windowSeconds * MICROS_PER_SECOND;
}

const cachedSpecs = new WeakMap<CountedLimit, CounterSpec>();

/**
 * Returns the spec of a limit at `now` (µs since 1970), which matters for calendars only. Every decision asks for it,
 * so specs are cached by limit object. Limits are interned, few and long-lived.
 */
export function counterSpec(limit: CountedLimit, now: number): CounterSpec {
  const cached = cachedSpecs.get(limit);
  if (cached !== undefined && (cached.kind !== 'calendar' || (cached.start <= now && now < cached.end))) return cached;
  const spec = buildCounterSpec(limit, now);
  cachedSpecs.set(limit, spec);
  return spec;
}

function buildCounterSpec(limit: CountedLimit, now: number): CounterSpec {
  const { requests } = limit;
  if (limit.algorithm === 'credits') return { kind: 'credits', requests, blockMicros: 0 };
  const windowMicros = windowMicrosOf(limit);
  const blockMicros = (limit.blockForSeconds ?? 0) * MICROS_PER_SECOND;
  switch (limit.algorithm) {
    case 'sliding_window':
    case 'concurrency': {
      if (requests <= MAX_EXACT_REQUESTS) {
        return { kind: 'window', requests, blockMicros, resolutionMicros: 1, lifetimeMicros: windowMicros };
      }
      // Counts a hit as if it was made at the end of its sub-bucket, so that no hit is forgotten early.
      const resolutionMicros = windowMicros / SUB_BUCKETS_PER_WINDOW;
      return {
        kind: 'window',
        requests,
        blockMicros,
        resolutionMicros,
        lifetimeMicros: windowMicros + resolutionMicros,
      };
    }
    case 'fixed_window':
      return { kind: 'window', requests, blockMicros, resolutionMicros: windowMicros, lifetimeMicros: windowMicros };
    case 'token_bucket':
      return { kind: 'token_bucket', requests, blockMicros, windowMicros, burst: limit.burst };
    case 'calendar':
      return { kind: 'calendar', requests, blockMicros, ...periodAt(toPeriodDefinition(limit), now) };
  }
}

/** Completes the periods of a calendar limit with their defaults. */
export function toPeriodDefinition({
  unit,
  timeZone = 'UTC',
  anchorDay = 1,
}: Pick<CalendarLimit, 'unit' | 'timeZone' | 'anchorDay'>): PeriodDefinition {
  return { unit, timeZone, anchorDay };
}
