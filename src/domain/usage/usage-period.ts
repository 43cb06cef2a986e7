/** A day or a month of UTC. Times are Unix times in ms. */
export interface UsagePeriod {
  readonly unit: 'day' | 'month';
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** RFC 3339, and so Postgres in its form, has no later year than 9999. */
const LAST_END = Date.UTC(9999, 11, 31);
const PERIOD = /^([1-9]\d{3})-(0[1-9]|1[0-2])(?:-(\d{2}))?$/;

/** Parses a period, such as `2026-11` or `2026-11-30`. undefined: it is not one, or its end is after the year 9999. */
export function parseUsagePeriod(text: string): UsagePeriod | undefined {
  const [, year, month, day] = PERIOD.exec(text) ?? [];
  if (year === undefined || month === undefined) return undefined;
  const period = day === undefined ? monthPeriod(Number(year), Number(month)) : dayPeriod(text);
  return period !== undefined && period.to <= LAST_END ? period : undefined;
}

/** Months count from 1. */
function monthPeriod(year: number, month: number): UsagePeriod {
  return { unit: 'month', from: Date.UTC(year, month - 1), to: Date.UTC(year, month) };
}

/** undefined: the month does not have this day. */
function dayPeriod(text: string): UsagePeriod | undefined {
  const from = Date.parse(`${text}T00:00:00Z`);
  // Date.parse takes the 31st of a short month for a day of the next one.
  if (Number.isNaN(from) || new Date(from).toISOString().slice(0, 10) !== text) return undefined;
  return { unit: 'day', from, to: from + DAY_MS };
}
