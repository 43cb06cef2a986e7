import { Temporal } from 'temporal-polyfill';

/** Bounds of periods are whole milliseconds. */
const MICROS_PER_MILLISECOND = 1000;

/** How the wall clock of a time zone is divided into periods. */
export interface PeriodDefinition {
  readonly unit: 'hour' | 'day' | 'week' | 'month' | 'year';
  /** Name in the IANA time zone database, as `canonicalTimeZone` returns it: `UTC`, `Europe/Berlin`. */
  readonly timeZone: string;
  /** Day on which a month begins, 1 to 31; shorter months begin on their last day. 1 unless `unit` is month. */
  readonly anchorDay: number;
}

/** Bounds of one period and the end of the next one, in µs since 1970. */
export interface CalendarPeriod {
  readonly start: number;
  readonly end: number;
  readonly nextEnd: number;
}

const LENGTHS = {
  hour: { hours: 1 },
  day: { days: 1 },
  week: { weeks: 1 },
  month: { months: 1 },
  year: { years: 1 },
};

/**
 * Finds the period that contains `time` (µs since 1970), so that `start` <= `time` < `end` < `nextEnd`. Hours, days,
 * weeks from Monday (ISO 8601), months from the anchor day, years from January 1.
 *
 * A period begins at the first instant at which the wall clock shows its beginning or anything later, and lasts until
 * the next period begins. So if the clock skips a beginning, the period begins after the skip. If it skips a whole
 * period, there is no such period. If it shows a time twice, both belong to one period: an hour that is repeated lasts
 * two hours, and its limit can be spent once.
 *
 * Throws a RangeError if the time zone does not exist.
 */
export function periodAt(definition: PeriodDefinition, time: number): CalendarPeriod {
  const { timeZone } = definition;
  const instant = Temporal.Instant.fromEpochMilliseconds(Math.floor(time / MICROS_PER_MILLISECOND));
  let beginning = beginningBefore(definition, instant.toZonedDateTimeISO(timeZone).toPlainDateTime());
  const nextStartAfter = (bound: number) => {
    let start: number;
    do {
      beginning = beginningAfter(definition, beginning);
      start = firstInstantAt(beginning, timeZone);
    } while (start <= bound);
    return start;
  };
  let start = firstInstantAt(beginning, timeZone);
  let end = nextStartAfter(start);
  while (end <= time) {
    // This month's anchor day has passed, or the clock was set back across the end, as in St. John's from 0:01 to
    // 23:01.
    start = end;
    end = nextStartAfter(start);
  }
  return { start, end, nextEnd: nextStartAfter(end) };
}

/**
 * Spells the name of a time zone as in the IANA database, whatever the case of the input; undefined: there is no such
 * time zone. Aliases stay aliases. Offsets such as `+01:00` are not names.
 */
export function canonicalTimeZone(name: string): string | undefined {
  if (!/^[A-Za-z]/.test(name)) return undefined;
  try {
    return new Temporal.ZonedDateTime(0n, name).timeZoneId;
  } catch {
    return undefined;
  }
}

/** The last beginning of a period that is not after `clock`, or the one before it. */
function beginningBefore({ unit, anchorDay }: PeriodDefinition, clock: Temporal.PlainDateTime): Temporal.PlainDateTime {
  if (unit === 'hour') return clock.round({ smallestUnit: 'hour', roundingMode: 'floor' });
  const midnight = clock.round({ smallestUnit: 'day', roundingMode: 'floor' });
  if (unit === 'day') return midnight;
  if (unit === 'week') return midnight.subtract({ days: midnight.dayOfWeek - 1 });
  if (unit === 'year') return midnight.with({ month: 1, day: 1 });
  return midnight.subtract({ months: 1 }).with({ day: anchorDay }); // clamped to the last day of the month
}

function beginningAfter(
  { unit, anchorDay }: PeriodDefinition,
  beginning: Temporal.PlainDateTime,
): Temporal.PlainDateTime {
  const next = beginning.add(LENGTHS[unit]);
  return unit === 'month' ? next.with({ day: anchorDay }) : next; // back to the 31st after a shorter month
}

/** The first instant, in µs since 1970, at which the wall clock shows `clock` or anything later. */
function firstInstantAt(clock: Temporal.PlainDateTime, timeZone: string): number {
  const earlier = clock.toZonedDateTime(timeZone, { disambiguation: 'earlier' });
  // For a skipped time, Temporal returns an instant before the skip.
  const first = earlier.toPlainDateTime().equals(clock) ? earlier : earlier.getTimeZoneTransition('next');
  return (first ?? earlier).epochMilliseconds * MICROS_PER_MILLISECOND;
}
