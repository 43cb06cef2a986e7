import { describe, expect, it } from 'vitest';
import { HOUR, makeCalendarLimit, makeCharge, SECOND } from '../model/traces.ts';
import type { StoreHarness } from './counter-store-contract.ts';

const MINUTE = 60 * SECOND;

const at = (time: string) => Date.parse(time) * 1000;

export function describeCalendar(bench: StoreHarness): void {
  describe('calendar', () => {
    describePeriods(bench);
    describeChanges(bench);
  });
}

function describePeriods(bench: StoreHarness): void {
  it('grants the limit in each whole hour of UTC, and again from the next hour on', async () => {
    const one = makeCharge(bench.subject(), makeCalendarLimit(1, 'hour'));
    expect(await bench.charge(one)).toMatchObject({ exceeded: false, remaining: 0, resetAfter: 40 * MINUTE });
    bench.now += 40 * MINUTE - 1;
    expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 1 });
    bench.now += 1;
    expect(await bench.charge(one)).toMatchObject({ exceeded: false, resetAfter: HOUR });
  });

  it('counts days from midnight of UTC', async () => {
    const limit = makeCalendarLimit(1000, 'day');
    const subject = bench.subject();
    expect(await bench.charge(makeCharge(subject, limit, 400))).toMatchObject({
      remaining: 600,
      resetAfter: 11 * HOUR + 40 * MINUTE,
    });
    bench.now += 11 * HOUR + 40 * MINUTE - 1;
    expect(await bench.charge(makeCharge(subject, limit, 601))).toMatchObject({ exceeded: true, retryAfter: 1 });
    bench.now += 1;
    expect(await bench.charge(makeCharge(subject, limit, 1000))).toMatchObject({ exceeded: false, remaining: 0 });
  });

  it.each([
    ['an ISO week ends before Monday', makeCalendarLimit(1, 'week'), '2026-03-15T23:59:59Z', '2026-03-16T00:00:00Z'],
    ['a month ends with its last day', makeCalendarLimit(1, 'month'), '2026-02-28T12:00:00Z', '2026-03-01T00:00:00Z'],
    ['a year ends before January', makeCalendarLimit(1, 'year'), '2026-03-14T12:20:00Z', '2027-01-01T00:00:00Z'],
    [
      'a billing month ends before its anchor day',
      makeCalendarLimit(1, 'month', { anchorDay: 14 }),
      '2026-03-14T00:00:00Z',
      '2026-04-14T00:00:00Z',
    ],
    [
      'a billing month from the 31st ends before the last day of a shorter one',
      makeCalendarLimit(1, 'month', { anchorDay: 31 }),
      '2026-01-31T00:00:00Z',
      '2026-02-28T00:00:00Z',
    ],
    [
      'a day of a time zone ends at its midnight',
      makeCalendarLimit(1, 'day', { timeZone: 'Asia/Kathmandu' }),
      '2026-03-14T12:20:00Z',
      '2026-03-14T18:15:00Z',
    ],
    [
      'the day on which summer begins is an hour shorter',
      makeCalendarLimit(1, 'day', { timeZone: 'Europe/Berlin' }),
      '2026-03-28T23:00:00Z',
      '2026-03-29T22:00:00Z',
    ],
    [
      'the day on which summer ends is an hour longer',
      makeCalendarLimit(1, 'day', { timeZone: 'Europe/Berlin' }),
      '2026-10-24T22:00:00Z',
      '2026-10-25T23:00:00Z',
    ],
  ] as const)('%s', async (_, limit, made, end) => {
    const one = makeCharge(bench.subject(), limit);
    bench.now = at(made);
    expect(await bench.charge(one)).toMatchObject({ exceeded: false, resetAfter: at(end) - at(made) });
    bench.now = at(end) - 1;
    expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 1 });
    bench.now = at(end);
    expect(await bench.charge(one)).toMatchObject({ exceeded: false });
  });
}

function describeChanges(bench: StoreHarness): void {
  it('keeps what was used when the limit is raised or lowered', async () => {
    const subject = bench.subject();
    await bench.charge(makeCharge(subject, makeCalendarLimit(10, 'hour'), 10));
    expect(await bench.charge(makeCharge(subject, makeCalendarLimit(100, 'hour'), 0))).toMatchObject({ remaining: 90 });
    expect(await bench.charge(makeCharge(subject, makeCalendarLimit(5, 'hour')))).toMatchObject({
      exceeded: true,
      remaining: 0,
      retryAfter: 40 * MINUTE,
    });
  });

  it('stays in the new hour when the clock is set back across its start', async () => {
    const one = makeCharge(bench.subject(), makeCalendarLimit(2, 'hour'));
    bench.now += 40 * MINUTE;
    await bench.charge(one);
    bench.now -= SECOND;
    expect(await bench.charge(one)).toMatchObject({ remaining: 0, resetAfter: HOUR + SECOND });
  });

  it('blocks no longer than the current hour after a clock that ran far ahead', async () => {
    const one = makeCharge(bench.subject(), makeCalendarLimit(1, 'hour'));
    bench.now += 1000 * HOUR;
    await bench.charge(one);
    bench.now -= 1000 * HOUR;
    expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 40 * MINUTE });
  });
}
