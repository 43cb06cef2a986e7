import { parseDuration } from './duration.ts';
import type { CalendarUnit, CountedLimit, Limit } from './limit.ts';

/**
 * A limit as it is written in plans and, by the names in `LIMIT_FIELDS`, in rules files. What is not there, an empty
 * text and false mean the same: left out.
 */
export interface LimitSpec {
  readonly name: string;
  /** 0 where it is unlimited. */
  readonly requests: number;
  /** Empty where it is unlimited. */
  readonly window: string;
  /** Empty: sliding_window, or what `parsePlanLimit` makes of it. */
  readonly algorithm: string;
  readonly burst?: number;
  readonly blockFor?: string;
  readonly lease?: boolean;
  readonly settle?: boolean;
  readonly onStoreFailure?: string;
  readonly timeZone?: string;
  readonly anchorDay?: number;
}

/** The same while nothing of it is known to be of its type: out of YAML, or out of the database. */
export type UntrustedLimitSpec = { readonly [Field in keyof LimitSpec]?: unknown };

/** Its fields by their names in snake_case, as in rules files and as in faults everywhere. */
export const LIMIT_FIELDS = {
  name: 'name',
  requests: 'requests',
  window: 'window',
  algorithm: 'algorithm',
  burst: 'burst',
  block_for: 'blockFor',
  lease: 'lease',
  settle: 'settle',
  on_store_failure: 'onStoreFailure',
  time_zone: 'timeZone',
  anchor_day: 'anchorDay',
} as const satisfies Readonly<Record<string, keyof LimitSpec>>;
export type LimitField = keyof typeof LIMIT_FIELDS;

/** What is wrong with one field, in words for whoever wrote it. */
export interface Fault {
  readonly field: string;
  readonly description: string;
}

export interface Window {
  /** Of a month 30 days, of a year 365. */
  readonly seconds: number;
  /** Of the calendar, if it can count by this window. */
  readonly unit: CalendarUnit | undefined;
}

const DAY_SECONDS = 86_400;
const UNITS = new Map<number, CalendarUnit>([
  [3600, 'hour'],
  [DAY_SECONDS, 'day'],
  [7 * DAY_SECONDS, 'week'],
]);
/** Minutes have the `m`. */
const MONTH: Window = { seconds: 30 * DAY_SECONDS, unit: 'month' };
const YEAR: Window = { seconds: 365 * DAY_SECONDS, unit: 'year' };

/** A duration, or `1mo` and `1y`, which are no number of seconds; undefined if it is none of them. */
export function parseWindow(text: unknown): Window | undefined {
  if (typeof text !== 'string') return undefined;
  if (text === '1mo') return MONTH;
  if (text === '1y') return YEAR;
  const seconds = parseDuration(text);
  return seconds === undefined ? undefined : { seconds, unit: UNITS.get(seconds) };
}

/**
 * The limit as it is written, its window in seconds as google.protobuf.Duration is in JSON, unless it is a month or a
 * year. `parseLimit` reads it back.
 */
export function toLimitSpec(limit: Limit): LimitSpec {
  const { name, algorithm } = limit;
  if (algorithm === 'unlimited') return { name, requests: 0, window: '', algorithm };
  const { requests, blockForSeconds, onStoreFailure, settle } = limit;
  return {
    name,
    requests,
    window: writeWindow(limit),
    algorithm,
    ...(algorithm === 'token_bucket' && { burst: limit.burst }),
    ...(blockForSeconds !== undefined && { blockFor: `${blockForSeconds}s` }),
    ...(algorithm === 'sliding_window' && limit.lease === true && { lease: true }),
    ...(settle === true && { settle }),
    ...(onStoreFailure !== undefined && { onStoreFailure }),
    ...(algorithm === 'calendar' && limit.timeZone !== undefined && { timeZone: limit.timeZone }),
    ...(algorithm === 'calendar' && limit.anchorDay !== undefined && { anchorDay: limit.anchorDay }),
  };
}

function writeWindow(limit: CountedLimit): string {
  if (limit.algorithm === 'calendar' && limit.unit === 'month') return '1mo';
  if (limit.algorithm === 'calendar' && limit.unit === 'year') return '1y';
  return `${limit.windowSeconds}s`;
}
