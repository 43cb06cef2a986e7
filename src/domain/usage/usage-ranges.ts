/** The length of a bucket of usage. */
export type UsageStep = 'hour' | 'day' | 'month';

/** A part of a time range, and the table that has its usage. Times are Unix times in ms. */
export interface UsageRange {
  readonly table: UsageStep;
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** The times from which on usage is kept. Times are Unix times in ms. */
export interface KeptUsage {
  /** Start of the first hour that is kept: the start of a month. */
  readonly firstHour: number;
  /** Start of the first day that is kept: the start of a month. */
  readonly firstDay: number;
  /** All hours before it were added to their days and months. Start of a day. */
  readonly rolledUntil: number;
}

export interface UsageTimes {
  readonly from: number;
  readonly to: number;
  readonly step: UsageStep;
  readonly isUtc: boolean;
}

export const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The shortest month, so that no range has more buckets than this gives. */
const MONTH_MS = 28 * DAY_MS;

const STEP_MS = { hour: HOUR_MS, day: DAY_MS, month: MONTH_MS };

/** An upper bound of the number of buckets in a time range, at least 1. */
export function countBuckets({ from, to, step }: UsageTimes): number {
  return Math.ceil((to - from) / STEP_MS[step]);
}

/**
 * Splits a time range into those that each table answers. A bucket of UTC is read from the coarsest table that has it: a
 * year of days is 365 rows of a key instead of 8,760. Other zones need hours. Where these are not kept any more, the days
 * or months of UTC stand in. `from` and `to` are starts of hours.
 */
export function splitUsageRange(times: UsageTimes, kept: KeptUsage): readonly UsageRange[] {
  const { from, to, step, isUtc } = times;
  const ranges: UsageRange[] = [];
  const add = (table: UsageStep, start: number, end: number) => {
    if (start < end) ranges.push({ table, from: start, to: end });
  };
  if (step === 'hour') {
    add('hour', Math.max(from, kept.firstHour), to);
    return ranges;
  }
  const lastDay = Math.min(to, kept.firstHour);
  add('month', startOfMonth(from), Math.min(lastDay, kept.firstDay));
  addDays(add, Math.max(startOfDay(from), kept.firstDay), lastDay, step === 'month' && isUtc);
  const firstHour = Math.max(from, kept.firstHour);
  const days = { from: ceilToDay(firstHour), to: Math.min(startOfDay(to), kept.rolledUntil) };
  if (!isUtc || days.from >= days.to) {
    add('hour', firstHour, to);
    return ranges;
  }
  add('hour', firstHour, days.from);
  addDays(add, days.from, days.to, step === 'month');
  add('hour', days.to, to);
  return ranges;
}

/** Ranges that are rolled up, and those that are not. */
export interface SplitRanges {
  readonly rolledUp: readonly UsageRange[];
  readonly open: readonly UsageRange[];
}

/** Splits the ranges of `splitUsageRange` where the roll-up ends. Only hours can be after it. */
export function splitRolledUp(ranges: readonly UsageRange[], { rolledUntil }: KeptUsage): SplitRanges {
  const rolledUp = ranges.flatMap(({ table, from, to }) =>
    from < rolledUntil ? [{ table, from, to: Math.min(to, rolledUntil) }] : [],
  );
  const open = ranges.flatMap(({ table, from, to }) =>
    to > rolledUntil ? [{ table, from: Math.max(from, rolledUntil), to }] : [],
  );
  return { rolledUp, open };
}

/** Adds the days from `from` on; with `usesMonths`, whole months from their own table. */
function addDays(
  add: (table: UsageStep, start: number, end: number) => void,
  from: number,
  to: number,
  usesMonths: boolean,
): void {
  const months = { from: ceilToMonth(from), to: startOfMonth(to) };
  if (!usesMonths || months.from >= months.to) {
    add('day', from, to);
    return;
  }
  add('day', from, months.from);
  add('month', months.from, months.to);
  add('day', months.to, to);
}

/** Says what the rows of a time range cannot show, because the hours are not kept any more. */
export function describeMissingUsage({ from, step, isUtc }: UsageTimes, { firstHour }: KeptUsage): readonly string[] {
  if (from >= firstHour) return [];
  const since = new Date(firstHour).toISOString();
  if (step === 'hour') return [`hours before ${since} are not kept: they have no rows`];
  return isUtc ? [] : [`hours before ${since} are not kept: until then, the days are those of UTC`];
}

function startOfDay(time: number): number {
  return Math.floor(time / DAY_MS) * DAY_MS;
}

function ceilToDay(time: number): number {
  return Math.ceil(time / DAY_MS) * DAY_MS;
}

function startOfMonth(time: number): number {
  const date = new Date(time);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
}

function ceilToMonth(time: number): number {
  const start = startOfMonth(time);
  const date = new Date(start);
  return start === time ? time : Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}
