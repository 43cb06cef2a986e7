/** Calendar periods of a time zone. */
export interface CalendarPeriods {
  readonly unit: 'hour' | 'day' | 'week' | 'month' | 'year';
  readonly timeZone: string;
  readonly anchorDay: number;
}

const MICROSECONDS = { hour: 3_600_000_000, day: 86_400_000_000 };

export function periodsAt(periods: CalendarPeriods, time: number): { start: number; end: number; next: number } {
  const length = periods.unit === 'hour' ? MICROSECONDS.hour : MICROSECONDS.day;
  const start = time - (time % length);
  return { start, end: start + length, next: start + 2 * length };
}
