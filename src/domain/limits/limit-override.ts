import { formatDuration } from './duration.ts';
import type { CountedLimit, Limit, TimedLimit } from './limit.ts';
import { toLimitSpec, type UntrustedLimitSpec } from './limit-spec.ts';
import { parseLimit } from './parse-limit.ts';

/** A limit that a request sends to replace the limit of its rule. */
export interface LimitOverride {
  /** 0 rejects everything. */
  readonly requests: number;
  readonly windowSeconds: number;
}

const DAY_SECONDS = 86_400;
/** Windows that a calendar limit can have, with the unit lengths of envoyproxy/ratelimit. */
const CALENDAR_WINDOWS = new Map([
  [3600, '1h'],
  [DAY_SECONDS, '1d'],
  [30 * DAY_SECONDS, '1mo'],
  [365 * DAY_SECONDS, '1y'],
]);

/**
 * Applies an override to a rule's limits.
 *
 * The algorithm, the options and an explicit name of the rule's limit stay, so that with the rule's own window the
 * override shares the rule's counter. Where the algorithm cannot count the override (a calendar has no minutes, a
 * bucket with 0 requests never refills), the limit becomes a sliding window. For concurrency limits and credits, only
 * `requests` changes: a window would free them. If the rule has no limit, or several, the override keeps only the algorithm of the first one, and whether it
 * charges rejected requests.
 */
export function applyOverride(limits: readonly Limit[], override: LimitOverride): CountedLimit {
  const first = limits.find((limit) => limit.algorithm !== 'unlimited');
  if (first === undefined || limits.length > 1) {
    const options: UntrustedLimitSpec = { chargeRejected: first?.chargeRejected };
    if (first?.algorithm === 'credits') return { ...first, requests: override.requests };
    return buildOverride(first?.algorithm ?? 'sliding_window', options, override);
  }
  if (first.algorithm === 'concurrency' || first.algorithm === 'credits')
    return { ...first, requests: override.requests };
  const { name, ...options } = toLimitSpec(first);
  return buildOverride(first.algorithm, hasDefaultName(first) ? options : { ...options, name }, override);
}

/** Whether the limit is named after its window, because its rule names none. */
function hasDefaultName({ name, windowSeconds, algorithm }: TimedLimit): boolean {
  const isCalendarName = algorithm === 'calendar' && CALENDAR_WINDOWS.get(windowSeconds) === name;
  return isCalendarName || name === formatDuration(windowSeconds);
}

function buildOverride(
  algorithm: string,
  { name, blockFor, lease, settle, chargeRejected, onStoreFailure, timeZone, anchorDay, notifyAt }: UntrustedLimitSpec,
  { requests, windowSeconds }: LimitOverride,
): CountedLimit {
  const calendarWindow = CALENDAR_WINDOWS.get(windowSeconds) ?? '';
  const window = `${windowSeconds}s`;
  const options = {
    name: name ?? formatDuration(windowSeconds),
    requests,
    window,
    blockFor,
    settle,
    chargeRejected,
    onStoreFailure,
    notifyAt,
  };
  if (algorithm === 'calendar') {
    const limit = parseCountedLimit({
      ...options,
      algorithm,
      name: name ?? calendarWindow,
      window: calendarWindow,
      timeZone,
      ...(calendarWindow === '1mo' && { anchorDay }),
    });
    if (limit !== undefined) return limit;
  }
  const limit = parseCountedLimit({ ...options, algorithm, lease }) ?? parseCountedLimit(options);
  if (limit === undefined) throw new Error('a limit override passed validation, but no limit can express it');
  return limit;
}

function parseCountedLimit(spec: UntrustedLimitSpec): CountedLimit | undefined {
  const limit = parseLimit(spec, 0);
  return 'identity' in limit ? limit : undefined;
}
