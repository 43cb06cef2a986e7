import { Temporal } from 'temporal-polyfill';

const MILLISECOND = 1000; // µs; every bound is a whole one

/** How the wall clock of a time zone is divided into periods. */
export interface CalendarPeriods {
  readonly unit: 'hour' | 'day' | 'week' | 'month' | 'year';
  /** A name of the IANA time zone database as `timeZoneNamed` tells it, such as `UTC` or `Europe/Berlin`. */
  readonly timeZone: string;
  /** 1 to 31, the day on which a month begins; a shorter month begins on its last day. 1 unless `unit` is month. */
  readonly anchorDay: number;
}

const ONE = { hour: { hours: 1 }, day: { days: 1 }, week: { weeks: 1 }, month: { months: 1 }, year: { years: 1 } };

/**
 * The period that holds `time`, and the one after it; times in µs since 1970, `start` <= `time` < `end` < `next`. Hours,
 * days, weeks from Monday (ISO 8601), months from the anchor day, years from January 1.
 *
 * A period begins at the first instant at which the wall clock shows its beginning or anything later, and lasts until
 * the next one begins. So a period whose beginning is skipped begins where the clock goes on, one that is skipped
 * altogether is none, and what the clock shows twice is one period: in each hour that the wall clock can name a limit
 * is spent once, and the hour that is put back lasts two. Throws a RangeError if there is no such time zone.
 */
export function periodsAt(periods: CalendarPeriods, time: number): { start: number; end: number; next: number } {
  const { timeZone } = periods;
  const instant = Temporal.Instant.fromEpochMilliseconds(Math.floor(time / MILLISECOND));
  let beginning = beginningBefore(periods, instant.toZonedDateTimeISO(timeZone).toPlainDateTime());
  const startAfter = (bound: number) => {
    let start: number;
    do {
      beginning = beginningAfter(periods, beginning);
      start = firstInstant(beginning, timeZone);
    } while (start <= bound);
    return start;
  };
  let start = firstInstant(beginning, timeZone);
  let end = startAfter(start);
  while (end <= time) {
    // This month's anchor day is past; or the clock was put back over the end, as in St. John's from 0:01 to 23:01.
    start = end;
    end = startAfter(start);
  }
  return { start, end, next: startAfter(end) };
}

/**
 * The time zone of this name, which may be in any case, spelled as in the IANA database; an alias stays one. undefined if
 * there is none. An offset such as `+01:00` is no name.
 */
export function timeZoneNamed(name: string): string | undefined {
  if (!/^[A-Za-z]/.test(name)) return undefined;
  try {
    return new Temporal.ZonedDateTime(0n, name).timeZoneId;
  } catch {
    return undefined;
  }
}

/** The last beginning of a period that is not after `clock`, or the one before. */
function beginningBefore({ unit, anchorDay }: CalendarPeriods, clock: Temporal.PlainDateTime): Temporal.PlainDateTime {
  if (unit === 'hour') return clock.round({ smallestUnit: 'hour', roundingMode: 'floor' });
  const midnight = clock.round({ smallestUnit: 'day', roundingMode: 'floor' });
  if (unit === 'day') return midnight;
  if (unit === 'week') return midnight.subtract({ days: midnight.dayOfWeek - 1 });
  if (unit === 'year') return midnight.with({ month: 1, day: 1 });
  return midnight.subtract({ months: 1 }).with({ day: anchorDay }); // a day that the month lacks becomes its last
}

function beginningAfter(
  { unit, anchorDay }: CalendarPeriods,
  beginning: Temporal.PlainDateTime,
): Temporal.PlainDateTime {
  const next = beginning.add(ONE[unit]);
  return unit === 'month' ? next.with({ day: anchorDay }) : next; // back to the 31st after a shorter month
}

/** The first instant, in µs since 1970, at which the wall clock shows `clock` or anything later. */
function firstInstant(clock: Temporal.PlainDateTime, timeZone: string): number {
  const earlier = clock.toZonedDateTime(timeZone, { disambiguation: 'earlier' });
  // Temporal answers a time that is skipped with one before the skip.
  const first = earlier.toPlainDateTime().equals(clock) ? earlier : earlier.getTimeZoneTransition('next');
  return (first ?? earlier).epochMilliseconds * MILLISECOND;
}
