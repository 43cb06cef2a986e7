import { parseDuration } from './duration.ts';
import type { CalendarUnit, CountedLimit, Limit } from './limit.ts';

/**
 * A limit as written in plans and, by the names in `LIMIT_FIELDS`, in rules files. A missing field, an empty string and
 * false all mean that the field is left out.
 */
export interface LimitSpec {
  readonly name: string;
  /** 0 for an unlimited limit. */
  readonly requests: number;
  /** Empty for credits and for an unlimited limit. */
  readonly window: string;
  /** Empty: sliding_window, or the default that `parsePlanLimit` chooses. */
  readonly algorithm: string;
  readonly burst?: number;
  readonly blockFor?: string;
  readonly lease?: boolean;
  readonly settle?: boolean;
  readonly chargeRejected?: boolean;
  readonly onStoreFailure?: string;
  readonly timeZone?: string;
  readonly anchorDay?: number;
  /** Empty: the field is left out. */
  readonly notifyAt?: readonly number[];
}

/** LimitSpec whose fields may have any type, because they come from YAML or from the database. */
export type UntrustedLimitSpec = { readonly [Field in keyof LimitSpec]?: unknown };

/** The fields of LimitSpec by their snake_case names, which rules files and all faults use. */
export const LIMIT_FIELDS = {
  name: 'name',
  requests: 'requests',
  window: 'window',
  algorithm: 'algorithm',
  burst: 'burst',
  block_for: 'blockFor',
  lease: 'lease',
  settle: 'settle',
  charge_rejected: 'chargeRejected',
  on_store_failure: 'onStoreFailure',
  time_zone: 'timeZone',
  anchor_day: 'anchorDay',
  notify_at: 'notifyAt',
} as const satisfies Readonly<Record<string, keyof LimitSpec>>;
export type LimitField = keyof typeof LIMIT_FIELDS;

/** Length of a limit's window. */
export interface LimitWindow {
  /** 30 days for a month, 365 days for a year. */
  readonly seconds: number;
  /** The calendar unit of the same length; undefined: no unit has it. */
  readonly unit: CalendarUnit | undefined;
}

const DAY_SECONDS = 86_400;
const CALENDAR_UNITS = new Map<number, CalendarUnit>([
  [3600, 'hour'],
  [DAY_SECONDS, 'day'],
  [7 * DAY_SECONDS, 'week'],
]);
const MONTH: LimitWindow = { seconds: 30 * DAY_SECONDS, unit: 'month' };
const YEAR: LimitWindow = { seconds: 365 * DAY_SECONDS, unit: 'year' };

/**
 * Parses a duration, or `1mo` (`m` stands for minutes) and `1y`, which are not a fixed number of seconds; undefined:
 * the value is neither.
 */
export function parseWindow(value: unknown): LimitWindow | undefined {
  if (typeof value !== 'string') return undefined;
  if (value === '1mo') return MONTH;
  if (value === '1y') return YEAR;
  const seconds = parseDuration(value);
  return seconds === undefined ? undefined : { seconds, unit: CALENDAR_UNITS.get(seconds) };
}

/**
 * Writes a limit so that `parseLimit` reads it back. The window is in seconds, as google.protobuf.Duration is in JSON,
 * unless it is a month or a year.
 */
export function toLimitSpec(limit: Limit): LimitSpec {
  const { name, algorithm } = limit;
  if (algorithm === 'unlimited') return { name, requests: 0, window: '', algorithm };
  const { requests, blockForSeconds, onStoreFailure, settle, chargeRejected, notifyAt } = limit;
  return {
    name,
    requests,
    window: formatWindow(limit),
    algorithm,
    ...(algorithm === 'token_bucket' && { burst: limit.burst }),
    ...(blockForSeconds !== undefined && { blockFor: `${blockForSeconds}s` }),
    ...(algorithm === 'sliding_window' && limit.lease === true && { lease: true }),
    ...(settle === true && { settle }),
    ...(chargeRejected === true && { chargeRejected }),
    ...(onStoreFailure !== undefined && { onStoreFailure }),
    ...(notifyAt !== undefined && { notifyAt }),
    ...(algorithm === 'calendar' && limit.timeZone !== undefined && { timeZone: limit.timeZone }),
    ...(algorithm === 'calendar' && limit.anchorDay !== undefined && { anchorDay: limit.anchorDay }),
  };
}

/** Writes a limit on one line, as in a rules file: `{name: burst, requests: 5, window: 30s}`. Leaves nothing out. */
export function formatLimit(limit: Limit): string {
  const spec: LimitSpec = toLimitSpec(limit);
  const fields = Object.entries(LIMIT_FIELDS).flatMap(([name, field]) => {
    const value = spec[field];
    const isPresent = value !== undefined && value !== '' && !(field === 'requests' && value === 0);
    return isPresent ? [`${name}: ${quoteUnlessPlain(value)}`] : [];
  });
  return `{${fields.join(', ')}}`;
}

/** Quotes names that YAML might not read back as they are. A JSON string is a YAML string too. */
function quoteUnlessPlain(value: LimitSpec[keyof LimitSpec]): string {
  if (typeof value === 'object') return `[${value.join(', ')}]`;
  return typeof value !== 'string' || /^[\w@/+.-]+$/.test(value) ? String(value) : JSON.stringify(value);
}

function formatWindow(limit: CountedLimit): string {
  if (limit.algorithm === 'credits') return '';
  if (limit.algorithm === 'calendar' && limit.unit === 'month') return '1mo';
  if (limit.algorithm === 'calendar' && limit.unit === 'year') return '1y';
  return `${limit.windowSeconds}s`;
}
