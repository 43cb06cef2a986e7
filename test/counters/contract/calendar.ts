import { describe, expect, it } from 'vitest';
import { HOUR, makeCalendarLimit, makeCharge, SECOND } from '../model/builders.ts';
import type { StoreHarness } from './store-harness.ts';

const MINUTE = 60 * SECOND;

const toMicros = (time: string) => Date.parse(time) * 1000;

export function describeCalendar(harness: StoreHarness): void {
  describe('a calendar limit', () => {
    describePeriods(harness);
    describeChanges(harness);
  });
}

function describePeriods(harness: StoreHarness): void {
  it('grants all of the limit in each hour of UTC, and again from the start of the next hour', async () => {
    const one = makeCharge(harness.subject(), makeCalendarLimit(1, 'hour'));
    expect(await harness.charge(one)).toMatchObject({ exceeded: false, remaining: 0, resetAfter: 40 * MINUTE });
    harness.now += 40 * MINUTE - 1;
    expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: 1 });
    harness.now += 1;
    expect(await harness.charge(one)).toMatchObject({ exceeded: false, resetAfter: HOUR });
  });

  it('counts days from midnight UTC', async () => {
    const limit = makeCalendarLimit(1000, 'day');
    const subject = harness.subject();
    expect(await harness.charge(makeCharge(subject, limit, 400))).toMatchObject({
      remaining: 600,
      resetAfter: 11 * HOUR + 40 * MINUTE,
    });
    harness.now += 11 * HOUR + 40 * MINUTE - 1;
    expect(await harness.charge(makeCharge(subject, limit, 601))).toMatchObject({ exceeded: true, retryAfter: 1 });
    harness.now += 1;
    expect(await harness.charge(makeCharge(subject, limit, 1000))).toMatchObject({ exceeded: false, remaining: 0 });
  });

  it.each([
    ['ends an ISO week before Monday', makeCalendarLimit(1, 'week'), '2026-03-15T23:59:59Z', '2026-03-16T00:00:00Z'],
    ['ends a month with its last day', makeCalendarLimit(1, 'month'), '2026-02-28T12:00:00Z', '2026-03-01T00:00:00Z'],
    ['ends a year before January', makeCalendarLimit(1, 'year'), '2026-03-14T12:20:00Z', '2027-01-01T00:00:00Z'],
    [
      'ends a billing month before its anchor day',
      makeCalendarLimit(1, 'month', { anchorDay: 14 }),
      '2026-03-14T00:00:00Z',
      '2026-04-14T00:00:00Z',
    ],
    [
      'ends a billing month that starts on the 31st before the last day of a shorter month',
      makeCalendarLimit(1, 'month', { anchorDay: 31 }),
      '2026-01-31T00:00:00Z',
      '2026-02-28T00:00:00Z',
    ],
    [
      'ends a day of a time zone at its midnight',
      makeCalendarLimit(1, 'day', { timeZone: 'Asia/Kathmandu' }),
      '2026-03-14T12:20:00Z',
      '2026-03-14T18:15:00Z',
    ],
    [
      'makes the day on which summer time begins an hour shorter',
      makeCalendarLimit(1, 'day', { timeZone: 'Europe/Berlin' }),
      '2026-03-28T23:00:00Z',
      '2026-03-29T22:00:00Z',
    ],
    [
      'makes the day on which summer time ends an hour longer',
      makeCalendarLimit(1, 'day', { timeZone: 'Europe/Berlin' }),
      '2026-10-24T22:00:00Z',
      '2026-10-25T23:00:00Z',
    ],
  ] as const)('%s', async (_, limit, hitAt, endsAt) => {
    const one = makeCharge(harness.subject(), limit);
    harness.now = toMicros(hitAt);
    expect(await harness.charge(one)).toMatchObject({
      exceeded: false,
      resetAfter: toMicros(endsAt) - toMicros(hitAt),
    });
    harness.now = toMicros(endsAt) - 1;
    expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: 1 });
    harness.now = toMicros(endsAt);
    expect(await harness.charge(one)).toMatchObject({ exceeded: false });
  });
}

function describeChanges(harness: StoreHarness): void {
  it('keeps its hits when it is raised or lowered', async () => {
    const subject = harness.subject();
    await harness.charge(makeCharge(subject, makeCalendarLimit(10, 'hour'), 10));
    expect(await harness.charge(makeCharge(subject, makeCalendarLimit(100, 'hour'), 0))).toMatchObject({
      remaining: 90,
    });
    expect(await harness.charge(makeCharge(subject, makeCalendarLimit(5, 'hour')))).toMatchObject({
      exceeded: true,
      remaining: 0,
      retryAfter: 40 * MINUTE,
    });
  });

  it('stays in the new hour when the clock is set back across its start', async () => {
    const one = makeCharge(harness.subject(), makeCalendarLimit(2, 'hour'));
    harness.now += 40 * MINUTE;
    await harness.charge(one);
    harness.now -= SECOND;
    expect(await harness.charge(one)).toMatchObject({ remaining: 0, resetAfter: HOUR + SECOND });
  });

  it('rejects no longer than until the end of the current hour after a clock that ran far ahead', async () => {
    const one = makeCharge(harness.subject(), makeCalendarLimit(1, 'hour'));
    harness.now += 1000 * HOUR;
    await harness.charge(one);
    harness.now -= 1000 * HOUR;
    expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: 40 * MINUTE });
  });
}
