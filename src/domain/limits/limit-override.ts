import { formatDuration } from './duration.ts';
import type { CountedLimit, Limit } from './limit.ts';
import { toLimitSpec, type UntrustedLimitSpec } from './limit-spec.ts';
import { parseLimit } from './parse-limit.ts';

/** A limit that a request brings along, in place of the one that its rule has. */
export interface LimitOverride {
  /** 0: everything is refused. */
  readonly requests: number;
  readonly windowSeconds: number;
}

const DAY_SECONDS = 86_400;
/** Those that the calendar can count by, as envoyproxy/ratelimit means its units. */
const CALENDAR_WINDOWS = new Map([
  [3600, '1h'],
  [DAY_SECONDS, '1d'],
  [30 * DAY_SECONDS, '1mo'],
  [365 * DAY_SECONDS, '1y'],
]);

/**
 * The limit that an override makes of a rule's. Algorithm, options and a name that was given stay, so that with the
 * rule's own window it is the rule's counter; what the algorithm cannot count by (no calendar has minutes, no bucket is
 * refilled by nothing) slides. Of slots only the number is taken. Where the rule does not have just one limit, the
 * override keeps nothing but the first one's algorithm.
 */
export function applyOverride(limits: readonly Limit[], override: LimitOverride): CountedLimit {
  const first = limits.find((limit) => limit.algorithm !== 'unlimited');
  if (first === undefined || limits.length > 1) return overridden(first?.algorithm ?? 'sliding_window', {}, override);
  if (first.algorithm === 'concurrency') return { ...first, requests: override.requests };
  const { name, ...options } = toLimitSpec(first);
  return overridden(first.algorithm, isWindowsName(first) ? options : { ...options, name }, override);
}

/** It was given none, and has its window's. */
function isWindowsName({ name, windowSeconds, algorithm }: CountedLimit): boolean {
  const isOfCalendar = algorithm === 'calendar' && CALENDAR_WINDOWS.get(windowSeconds) === name;
  return isOfCalendar || name === formatDuration(windowSeconds);
}

function overridden(
  algorithm: string,
  { name, blockFor, lease, settle, onStoreFailure, timeZone, anchorDay }: UntrustedLimitSpec,
  { requests, windowSeconds }: LimitOverride,
): CountedLimit {
  const calendarWindow = CALENDAR_WINDOWS.get(windowSeconds) ?? '';
  const window = `${windowSeconds}s`;
  const options = { name: name ?? formatDuration(windowSeconds), requests, window, blockFor, settle, onStoreFailure };
  if (algorithm === 'calendar') {
    const ofMonth = calendarWindow === '1mo' ? { anchorDay } : {};
    const limit = parsed({
      ...options,
      algorithm,
      name: name ?? calendarWindow,
      window: calendarWindow,
      timeZone,
      ...ofMonth,
    });
    if (limit !== undefined) return limit;
  }
  const limit = parsed({ ...options, algorithm, lease }) ?? parsed(options);
  if (limit === undefined) throw new Error('an override was let through that no limit can have');
  return limit;
}

function parsed(written: UntrustedLimitSpec): CountedLimit | undefined {
  const limit = parseLimit(written, 0);
  return 'identity' in limit ? limit : undefined;
}
