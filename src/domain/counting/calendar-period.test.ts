import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectSame } from '../../../test/support/cheap-expect.ts';
import { canonicalTimeZone, type PeriodDefinition, periodAt } from './calendar-period.ts';

const HOUR = 3_600_000; // times in this file are in ms, except those that periodAt takes and returns
const DAY = 24 * HOUR;
const FROM = Date.UTC(1970, 0, 1);
const TO = Date.UTC(2100, 0, 1);
const UNITS = ['hour', 'day', 'week', 'month', 'year'] as const;
const ZONES = [...Intl.supportedValuesOf('timeZone'), 'UTC'];

// The oracle shares nothing with the code under test, which uses Temporal. It reads the wall clock by
// Intl.DateTimeFormat, numbers the periods, and searches for the first instant of each.

const formats = new Map<string, Intl.DateTimeFormat>();

/** The time on the wall clock, as ms since it showed the start of 1970. */
function wallClock(timeZone: string, time: number): number {
  let format = formats.get(timeZone);
  if (format === undefined) {
    const two = '2-digit';
    const shown = { year: 'numeric', month: two, day: two, hour: two, minute: two, second: two } as const;
    format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', ...shown });
    formats.set(timeZone, format);
  }
  const parts = format.format(time).split(/\D+/).map(Number);
  const [month, day, year, hour, minute, second] = parts as Sextuple<number>; // by the format
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((time % 1000) + 1000) % 1000);
}
type Sextuple<T> = [T, T, T, T, T, T];

const offset = (timeZone: string, time: number) => wallClock(timeZone, time) - time;

/** The first instant between two instants of different offsets that has the later one's offset. */
function transition(timeZone: string, before: number, after: number): number {
  const later = offset(timeZone, after);
  let [low, high] = [before, after];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offset(timeZone, middle) === later) high = middle;
    else low = middle;
  }
  return high;
}

/** The first instant at which the wall clock shows `clock` or later. No zone differs from UTC by 15 hours. */
function reached(timeZone: string, clock: number): number {
  let from = clock - 15 * HOUR;
  let before = offset(timeZone, from);
  for (;;) {
    const to = from + 3 * HOUR;
    const after = offset(timeZone, to);
    const change = before === after ? to : transition(timeZone, from, to);
    const first = Math.max(from, clock - before);
    if (first < change) return first;
    const second = Math.max(change, clock - after);
    if (second < to) return second;
    [from, before] = [to, after];
  }
}

const monthStart = (month: number, anchorDay: number) =>
  Date.UTC(1970, month, Math.min(anchorDay, new Date(Date.UTC(1970, month + 1, 0)).getUTCDate()));

const NUMBERED = {
  hour: { number: (clock: number) => Math.floor(clock / HOUR), clock: (number: number) => number * HOUR },
  day: { number: (clock: number) => Math.floor(clock / DAY), clock: (number: number) => number * DAY },
  // 1970 began on a Thursday.
  week: {
    number: (clock: number) => Math.floor((clock / DAY + 3) / 7),
    clock: (number: number) => (number * 7 - 3) * DAY,
  },
  month: {
    number: (clock: number, anchorDay: number) => {
      const month = (new Date(clock).getUTCFullYear() - 1970) * 12 + new Date(clock).getUTCMonth();
      return clock < monthStart(month, anchorDay) ? month - 1 : month;
    },
    clock: monthStart,
  },
  year: {
    number: (clock: number) => new Date(clock).getUTCFullYear(),
    clock: (number: number) => Date.UTC(number, 0, 1),
  },
};

function searchedFor({ unit, timeZone, anchorDay }: PeriodDefinition, time: number): [number, number, number] {
  const { number, clock } = NUMBERED[unit];
  const first = (index: number) => reached(timeZone, clock(index, anchorDay));
  let index = number(wallClock(timeZone, time), anchorDay);
  const bounds = [first(index)];
  while (bounds.filter((bound) => bound > time).length < 2) {
    index++;
    const bound = first(index);
    if (bound !== bounds.at(-1)) bounds.push(bound);
  }
  return bounds.slice(-3) as [number, number, number]; // two of them are after the time
}

const anyTimeZone = fc.constantFrom(...ZONES);
const anyTime = fc.integer({ min: FROM, max: TO - 1 });
const moment = fc.oneof(
  fc.record({ timeZone: anyTimeZone, time: anyTime }),
  // About half of the times lie within a day of a change of the zone's offset, if there is one in the next half year.
  fc.tuple(anyTimeZone, anyTime, fc.integer({ min: -DAY, max: DAY })).map(([timeZone, time, distance]) => {
    const after = time + 180 * DAY;
    if (offset(timeZone, time) === offset(timeZone, after)) return { timeZone, time };
    const near = transition(timeZone, time, after) + distance;
    return { timeZone, time: Math.min(Math.max(near, FROM), TO - 1) };
  }),
);

describe.each(UNITS)('a calendar %s', (unit) => {
  it('is the one that a search of the wall clock finds, in any zone, at any time, with any anchor day', () => {
    fc.assert(
      fc.property(moment, fc.integer({ min: 1, max: 31 }), ({ timeZone, time }, day) => {
        const periods = { unit, timeZone, anchorDay: unit === 'month' ? day : 1 };
        const { start, end, nextEnd } = periodAt(periods, time * 1000);
        const [expectedStart, expectedEnd, expectedNextEnd] = searchedFor(periods, time);
        expectSame(start / 1000, expectedStart);
        expectSame(end / 1000, expectedEnd);
        expectSame(nextEnd / 1000, expectedNextEnd);
        expectSame(start <= time * 1000 && time * 1000 < end && end < nextEnd, true);
        const next = periodAt(periods, end);
        expectSame(next.start, end);
        expectSame(next.end, nextEnd);
        const atItsEnd = periodAt(periods, end - 1);
        expectSame(atItsEnd.start, start);
        expectSame(atItsEnd.end, end);
        expectSame(atItsEnd.nextEnd, nextEnd);
      }),
      { numRuns: 2_000 },
    );
  }, 120_000);
});

// Unit and anchor day, zone, time, start and end of the period that contains it, description.
const NAMED = `
  hour     | Asia/Kolkata        | 2026-03-14T12:20Z | 2026-03-14T11:30Z    | 2026-03-14T12:30Z    | half an hour off UTC
  hour     | Asia/Kathmandu      | 2026-03-14T12:20Z | 2026-03-14T12:15Z    | 2026-03-14T13:15Z    | a quarter off UTC
  hour     | Europe/Berlin       | 2026-03-29T00:59Z | 2026-03-29T00:00Z    | 2026-03-29T01:00Z    | before one that is skipped
  hour     | Europe/Berlin       | 2026-03-29T01:00Z | 2026-03-29T01:00Z    | 2026-03-29T02:00Z    | after one that is skipped
  hour     | Europe/Berlin       | 2026-10-25T01:30Z | 2026-10-25T00:00Z    | 2026-10-25T02:00Z    | put back: two hours
  hour     | Australia/Lord_Howe | 2026-10-03T15:40Z | 2026-10-03T15:30Z    | 2026-10-03T16:00Z    | half of it skipped
  hour     | Australia/Lord_Howe | 2026-04-04T15:15Z | 2026-04-04T14:00Z    | 2026-04-04T15:30Z    | half of it put back
  day      | America/New_York    | 2026-03-08T12:00Z | 2026-03-08T05:00Z    | 2026-03-09T04:00Z    | 23 hours
  day      | America/New_York    | 2026-11-01T12:00Z | 2026-11-01T04:00Z    | 2026-11-02T05:00Z    | 25 hours
  day      | America/Sao_Paulo   | 2018-11-04T02:59Z | 2018-11-03T03:00Z    | 2018-11-04T03:00Z    | before one without midnight
  day      | America/Sao_Paulo   | 2018-11-04T03:00Z | 2018-11-04T03:00Z    | 2018-11-05T02:00Z    | without midnight
  day      | Africa/Cairo        | 2026-04-24T10:00Z | 2026-04-23T22:00Z    | 2026-04-24T21:00Z    | without midnight
  day      | Asia/Beirut         | 2026-03-29T10:00Z | 2026-03-28T22:00Z    | 2026-03-29T21:00Z    | without midnight
  day      | America/Havana      | 2026-03-08T10:00Z | 2026-03-08T05:00Z    | 2026-03-09T04:00Z    | without midnight
  day      | America/Havana      | 2026-11-01T05:30Z | 2026-11-01T04:00Z    | 2026-11-02T05:00Z    | with two midnights
  day      | America/Sao_Paulo   | 2018-02-18T02:30Z | 2018-02-17T02:00Z    | 2018-02-18T03:00Z    | its last hour put back
  day      | America/St_Johns    | 2010-11-07T03:00Z | 2010-11-07T02:30Z    | 2010-11-08T03:30Z    | put back at 0:01 to 23:01
  day      | Pacific/Apia        | 2011-12-30T09:00Z | 2011-12-29T10:00Z    | 2011-12-30T10:00Z    | before one that is skipped
  day      | Africa/Monrovia     | 1971-06-01T12:00Z | 1971-06-01T00:44:30Z | 1971-06-02T00:44:30Z | half a minute off UTC
  week     | UTC                 | 2026-03-09T00:00Z | 2026-03-09T00:00Z    | 2026-03-16T00:00Z    | from Monday
  week     | UTC                 | 2026-03-15T23:59Z | 2026-03-09T00:00Z    | 2026-03-16T00:00Z    | through Sunday
  week     | UTC                 | 2027-01-02T12:00Z | 2026-12-28T00:00Z    | 2027-01-04T00:00Z    | across a year
  week     | Europe/Berlin       | 2026-03-26T12:00Z | 2026-03-22T23:00Z    | 2026-03-29T22:00Z    | an hour short
  month 1  | UTC                 | 2026-12-31T23:59Z | 2026-12-01T00:00Z    | 2027-01-01T00:00Z    | across a year
  month 15 | America/New_York    | 2026-03-01T00:00Z | 2026-02-15T05:00Z    | 2026-03-15T04:00Z    | from the anchor day
  month 31 | UTC                 | 2026-01-30T12:00Z | 2025-12-31T00:00Z    | 2026-01-31T00:00Z    | until the 31st
  month 31 | UTC                 | 2026-02-27T23:59Z | 2026-01-31T00:00Z    | 2026-02-28T00:00Z    | until the 28th of February
  month 31 | UTC                 | 2026-02-28T00:00Z | 2026-02-28T00:00Z    | 2026-03-31T00:00Z    | from the 28th of February
  month 31 | UTC                 | 2028-02-28T12:00Z | 2028-01-31T00:00Z    | 2028-02-29T00:00Z    | until the 29th of a leap February
  month 30 | UTC                 | 2028-03-01T00:00Z | 2028-02-29T00:00Z    | 2028-03-30T00:00Z    | from the 29th of a leap February
  month 29 | UTC                 | 2027-02-28T00:00Z | 2027-02-28T00:00Z    | 2027-03-29T00:00Z    | from the 28th of February
  year     | UTC                 | 2028-02-29T00:00Z | 2028-01-01T00:00Z    | 2029-01-01T00:00Z    | a leap year
  year     | Pacific/Auckland    | 2026-12-31T11:00Z | 2026-12-31T11:00Z    | 2027-12-31T11:00Z    | from the zone's January 1
  year     | America/New_York    | 1970-01-01T00:00Z | 1969-01-01T05:00Z    | 1970-01-01T05:00Z    | from before 1970
`;

it.each(NAMED.trim().split('\n'))('finds the period %s', (line) => {
  const [period, timeZone, time, ...expected] = line.split('|').map((cell) => cell.trim()) as Sextuple<string>; // as written above
  const [unit, anchorDay = '1'] = period.split(' ') as [PeriodDefinition['unit'], string?]; // as written above
  const { start, end } = periodAt({ unit, timeZone, anchorDay: Number(anchorDay) }, Date.parse(time) * 1000);
  const shown = [start, end].map((bound) => new Date(bound / 1000).toISOString().replace(/(:00)?\.000Z$/, 'Z'));
  expect(shown).toEqual(expected.slice(0, 2));
});

it('accepts times between two milliseconds', () => {
  const midnight = Date.UTC(2026, 2, 14) * 1000;
  const day = { unit: 'day', timeZone: 'UTC', anchorDay: 1 } as const;
  expect(periodAt(day, midnight - 1).end).toBe(midnight);
  expect(periodAt(day, midnight + 1).start).toBe(midnight);
});

it('throws a RangeError for an unknown time zone', () => {
  expect(() => periodAt({ unit: 'day', timeZone: 'Mars/Phobos', anchorDay: 1 }, 0)).toThrow(RangeError);
});

describe('a time zone', () => {
  it.each([...ZONES, 'Etc/GMT+5', 'Asia/Calcutta', 'US/Pacific', 'EST5EDT'])('can be %s', (name) =>
    expect(canonicalTimeZone(name)).toBe(name),
  );

  it('has one spelling, whatever the case of the input', () => {
    expect(canonicalTimeZone('europe/BERLIN')).toBe('Europe/Berlin');
  });

  it.each([
    '',
    ' UTC',
    'UTC ',
    'Mars/Phobos',
    '+01:00',
    '-0100',
    'Z',
    'T12:00[UTC]',
    '2026-03-14T12:00Z[UTC]',
    'UTC\0',
  ])('cannot be "%s"', (name) => expect(canonicalTimeZone(name)).toBeUndefined());
});
