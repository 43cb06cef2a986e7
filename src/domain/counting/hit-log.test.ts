import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type Counts, expectToCountAsLog, tracesOf } from '../../../test/counters/model/exact-log.ts';
import { LoneCounter } from '../../../test/counters/model/lone-counter.ts';
import { calendarOf, limitOf, NOON, SECOND, TRACES, waits } from '../../../test/counters/model/traces.ts';
import type { CalendarLimit, CountedLimit } from '../limits/limit.ts';

vi.setConfig({ testTimeout: 120_000 }); // On a busy machine 10,000 traces take their time.

/** Of these, each hit's time is kept. */
const small = fc.integer({ min: 1, max: 64 });
/** Of these, sub-buckets. */
const large = fc.integer({ min: 65, max: 2000 });
const windows = fc.constantFrom('1s', '7s', '60s', '1h', '31d');

function limitsOf(
  requests: fc.Arbitrary<number>,
  algorithm: 'sliding_window' | 'fixed_window' | 'concurrency',
): fc.Arbitrary<CountedLimit> {
  return fc.tuple(requests, windows).map(([most, window]) => limitOf(most, window, { algorithm }));
}

const windowOf = ({ windowSeconds }: CountedLimit) => windowSeconds * SECOND;

/** A hit counts for the window's length, to the µs. */
const forTheWindow: Counts = (limit, madeAt, now) => (now - madeAt < windowOf(limit) ? 'yes' : 'no');

/** A hit counts for the window's length, and for a sixteenth of it more at most. */
const forTheWindowAndASubBucket: Counts = (limit, madeAt, now) => {
  if (now - madeAt < windowOf(limit)) return 'yes';
  return now - madeAt < windowOf(limit) * (17 / 16) ? 'perhaps' : 'no';
};

/** A hit counts until the next multiple of the window's length since 1970. */
const untilTheNextMultiple: Counts = (limit, madeAt, now) =>
  Math.floor(madeAt / windowOf(limit)) === Math.floor(now / windowOf(limit)) ? 'yes' : 'no';

/** A hit counts as long as the wall clock shows the same period as when it was made. */
const untilThePeriodEnds: Counts = (limit, madeAt, now) => {
  if (limit.algorithm !== 'calendar') throw new Error('a calendar limit expected');
  return periodShown(limit, madeAt) === periodShown(limit, now) ? 'yes' : 'no';
};

/** The date of the period's first day as the wall clock shows it, and the hour if the period is one. */
function periodShown({ unit, timeZone, anchorDay = 1 }: CalendarLimit, time: number): string {
  const [month = 0, day = 0, year = 0, hour = 0] = wallClockOf(timeZone ?? 'UTC')
    .format(time / 1000)
    .split(/\D+/)
    .map(Number);
  const anchor = Math.min(anchorDay, new Date(Date.UTC(year, month, 0)).getUTCDate());
  const days = Date.UTC(year, month - 1, day) / 86_400_000;
  switch (unit) {
    case 'hour':
      return `${days} ${hour}`;
    case 'day':
      return `${days}`;
    case 'week':
      // 1970 began on a Thursday.
      return `${Math.floor((days + 3) / 7)}`;
    case 'month':
      return `${year * 12 + month - (day < anchor ? 1 : 0)}`;
    case 'year':
      return `${year}`;
  }
}

const wallClocks = new Map<string, Intl.DateTimeFormat>();

function wallClockOf(timeZone: string): Intl.DateTimeFormat {
  const known = wallClocks.get(timeZone);
  if (known !== undefined) return known;
  const shown = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric' } as const;
  const wallClock = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', ...shown });
  wallClocks.set(timeZone, wallClock);
  return wallClock;
}

function expectTracesToCount(
  limits: fc.Arbitrary<CountedLimit>,
  counts: Counts,
  mostEntries: number,
  mostSteps = 40,
): void {
  const property = fc.property(tracesOf(limits, mostSteps), (trace) => {
    const { counter } = expectToCountAsLog(trace, counts);
    expect(counter.tally.ends.length).toBeLessThanOrEqual(mostEntries);
  });
  fc.assert(property, TRACES);
}

describe('sliding_window, against an exact log', () => {
  it('up to 64 requests: grants just when the last window has room', () => {
    expectTracesToCount(limitsOf(small, 'sliding_window'), forTheWindow, 64);
  });

  it('above 64: never over in any rolling window, under by at most one sub-bucket of a sixteenth', () => {
    expectTracesToCount(limitsOf(large, 'sliding_window'), forTheWindowAndASubBucket, 17);
  });
});

describe('fixed_window, against an exact log', () => {
  it('grants just when the window, one of those that begin at its multiples since 1970, has room', () => {
    expectTracesToCount(limitsOf(fc.oneof(small, large), 'fixed_window'), untilTheNextMultiple, 1);
  });
});

describe('concurrency, against an exact log', () => {
  it('up to 64 slots: a slot is taken until it is given back, at its time to live at the latest', () => {
    expectTracesToCount(limitsOf(small, 'concurrency'), forTheWindow, 64);
  });

  it('above 64 slots: a slot is taken until it is given back, at its time to live and a sixteenth at the latest', () => {
    expectTracesToCount(limitsOf(large, 'concurrency'), forTheWindowAndASubBucket, 17);
  });
});

describe('calendar, against an exact log', () => {
  it('grants just when the hour, day, ISO week, month or year of the time zone has room', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe'];
    const unit = fc.constantFrom('hour', 'day', 'week', 'month', 'year');
    const limits = fc
      .tuple(fc.oneof(small, large), unit, fc.constantFrom(...zones), fc.constantFrom(1, 14, 29, 31))
      .map(([requests, unit, timeZone, anchorDay]) => calendarOf(requests, unit, { timeZone, anchorDay }));
    expectTracesToCount(limits, untilThePeriodEnds, 1, 10);
  });
});

describe('settlements', () => {
  it('take bounded memory however many they are: a hit counts for the window, and a sixteenth of it more at most', () => {
    const limit = limitOf(3, '16s');
    const settlement = fc.record({
      wait: fc.integer({ min: 0, max: SECOND / 8 }),
      hits: fc.integer({ min: 1, max: 9 }),
    });
    const property = fc.property(fc.array(settlement, { maxLength: 300, size: 'max' }), (settlements) => {
      const steps = settlements.map((each) => ({ ...each, action: 'settle' as const, grant: 0 }));
      const { counter } = expectToCountAsLog({ start: NOON, limit, steps }, forTheWindowAndASubBucket);
      expect(counter.tally.ends.length).toBeLessThanOrEqual(64);
    });
    fc.assert(property, { ...TRACES, numRuns: 1000 });
  });
});

describe('a limit that changes between exact times and sub-buckets', () => {
  it('forgets no hit before its window is over, and keeps none longer than a sub-bucket more', () => {
    const [exact, coarse] = [limitOf(64, '16s'), limitOf(65, '16s')];
    const step = fc.record({
      wait: waits(16),
      limit: fc.constantFrom(exact, coarse),
      hits: fc.integer({ min: 1, max: 9 }),
    });
    const property = fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      const counter = new LoneCounter();
      const made: { time: number; hits: number }[] = [];
      let now = NOON;
      const within = (length: number) =>
        made.reduce((sum, { time, hits }) => (time > now - length ? sum + hits : sum), 0);
      for (const { wait, limit, hits } of steps) {
        now += wait;
        const { granted, free } = counter.ask(limit, now, hits);
        if (granted) made.push({ time: now, hits });
        expect(limit.requests - free).toBeGreaterThanOrEqual(within(16 * SECOND));
        expect(limit.requests - free).toBeLessThanOrEqual(within(17 * SECOND));
        expect(counter.counter.tally.ends).toEqual([...counter.counter.tally.ends].sort((a, b) => a - b));
      }
    });
    fc.assert(property, TRACES);
  });
});
