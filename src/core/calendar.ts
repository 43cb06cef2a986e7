import type { CalendarLimit } from './limit.ts';
import type { Term } from './tally.ts';

const MICROSECONDS = 1_000_000;

/** A hit counts until its hour or day of UTC is over; Unix time, which knows no leap seconds, divides into them evenly. */
export function calendarTerm({ windowSeconds }: CalendarLimit): Term {
  const period = windowSeconds * MICROSECONDS;
  return { resolution: period, life: period };
}
