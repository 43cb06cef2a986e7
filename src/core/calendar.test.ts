import { expect, it } from 'vitest';
import { calendarTerm } from './calendar.ts';
import { endOf } from './tally.ts';

function endOfPeriod(windowSeconds: number, time: string): string {
  const term = calendarTerm({ name: 'quota', algorithm: 'calendar', requests: 1, windowSeconds, identity: 'quota' });
  return new Date(endOf(term, Date.parse(time) * 1000) / 1000).toISOString();
}

it.each([
  ['2026-03-14T12:20:00.001Z', '2026-03-14T13:00:00.000Z'],
  ['2026-03-14T12:00:00.000Z', '2026-03-14T13:00:00.000Z'],
  ['2026-12-31T23:59:59.999Z', '2027-01-01T00:00:00.000Z'],
])('an hour that holds %s ends at %s', (time, end) => {
  expect(endOfPeriod(3600, time)).toBe(end);
});

it.each([
  ['2026-03-14T12:20:00.001Z', '2026-03-15T00:00:00.000Z'],
  ['2028-02-28T23:59:59.999Z', '2028-02-29T00:00:00.000Z'],
])('a day that holds %s ends at %s', (time, end) => {
  expect(endOfPeriod(86_400, time)).toBe(end);
});
