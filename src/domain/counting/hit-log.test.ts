import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeCalendarLimit, makeLimit, NOON, SECOND } from '../../../test/counters/model/builders.ts';
import { expectToMatchExactLog, type HitCounts, randomTraces } from '../../../test/counters/model/exact-log.ts';
import { PureCounter } from '../../../test/counters/model/pure-counter.ts';
import { TRACE_RUNS, waits } from '../../../test/counters/model/traces.ts';
import type { CalendarLimit, TimedLimit } from '../limits/limit.ts';

/** Limits of this size keep the exact time of each hit. */
const small = fc.integer({ min: 1, max: 64 });
/** Limits of this size keep sub-buckets. */
const large = fc.integer({ min: 65, max: 2000 });
const windows = fc.constantFrom('1s', '7s', '60s', '1h', '31d');

function arbitraryLimits(
  requests: fc.Arbitrary<number>,
  algorithm: 'sliding_window' | 'fixed_window' | 'concurrency',
): fc.Arbitrary<TimedLimit> {
  return fc.tuple(requests, windows).map(([most, window]) => makeLimit(most, window, { algorithm }));
}

const windowMicros = ({ windowSeconds }: TimedLimit) => windowSeconds * SECOND;

/** A hit counts for exactly the length of the window, to the µs. */
const forTheWindow: HitCounts = (limit, madeAt, now) => (now - madeAt < windowMicros(limit) ? 'yes' : 'no');

/** A hit counts for the length of the window and at most a sixteenth more. */
const forTheWindowAndASubBucket: HitCounts = (limit, madeAt, now) => {
  if (now - madeAt < windowMicros(limit)) return 'yes';
  return now - madeAt < windowMicros(limit) * (17 / 16) ? 'perhaps' : 'no';
};

/** A hit counts until the next multiple of the window's length since 1970. */
const untilTheNextMultiple: HitCounts = (limit, madeAt, now) =>
  Math.floor(madeAt / windowMicros(limit)) === Math.floor(now / windowMicros(limit)) ? 'yes' : 'no';

/** A hit counts while the wall clock shows the period in which it was made. */
const untilThePeriodEnds: HitCounts = (limit, madeAt, now) => {
  if (limit.algorithm !== 'calendar') throw new Error('limit: must be a calendar limit');
  return periodShown(limit, madeAt) === periodShown(limit, now) ? 'yes' : 'no';
};

/** The date of the period's first day on the wall clock; for an hour also the hour. */
function periodShown({ unit, timeZone, anchorDay = 1 }: CalendarLimit, time: number): string {
  const [month = 0, day = 0, year = 0, hour = 0] = wallClockIn(timeZone ?? 'UTC')
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

function wallClockIn(timeZone: string): Intl.DateTimeFormat {
  const cached = wallClocks.get(timeZone);
  if (cached !== undefined) return cached;
  const shown = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric' } as const;
  const wallClock = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', ...shown });
  wallClocks.set(timeZone, wallClock);
  return wallClock;
}

function expectTracesToCount(
  limits: fc.Arbitrary<TimedLimit>,
  counts: HitCounts,
  maxEntries: number,
  maxSteps = 40,
): void {
  const property = fc.property(randomTraces(limits, maxSteps), (trace) => {
    const { counter } = expectToMatchExactLog(trace, counts);
    expect(counter.hitLog.ends.length).toBeLessThanOrEqual(maxEntries);
  });
  fc.assert(property, TRACE_RUNS);
}

describe('sliding_window, against an exact log', () => {
  it('up to 64 requests: grants exactly when the last window has room', () => {
    expectTracesToCount(arbitraryLimits(small, 'sliding_window'), forTheWindow, 64);
  });

  it('above 64: never grants too much in any rolling window, and frees hits at most one sub-bucket (1/16) late', () => {
    expectTracesToCount(arbitraryLimits(large, 'sliding_window'), forTheWindowAndASubBucket, 17);
  });
});

describe('fixed_window, against an exact log', () => {
  it('grants exactly when the current window has room; windows begin at multiples of their length since 1970', () => {
    expectTracesToCount(arbitraryLimits(fc.oneof(small, large), 'fixed_window'), untilTheNextMultiple, 1);
  });
});

describe('concurrency, against an exact log', () => {
  it('up to 64 slots: a slot is taken until it is released, and at most for its time to live', () => {
    expectTracesToCount(arbitraryLimits(small, 'concurrency'), forTheWindow, 64);
  });

  it('above 64 slots: a slot is taken until it is released, and at most 1/16 longer than its time to live', () => {
    expectTracesToCount(arbitraryLimits(large, 'concurrency'), forTheWindowAndASubBucket, 17);
  });
});

describe('calendar, against an exact log', () => {
  it('grants exactly when the hour, day, ISO week, month or year of the time zone has room', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe'];
    const unit = fc.constantFrom('hour', 'day', 'week', 'month', 'year');
    const limits = fc
      .tuple(fc.oneof(small, large), unit, fc.constantFrom(...zones), fc.constantFrom(1, 14, 29, 31))
      .map(([requests, unit, timeZone, anchorDay]) => makeCalendarLimit(requests, unit, { timeZone, anchorDay }));
    expectTracesToCount(limits, untilThePeriodEnds, 1, 10);
  });
});

describe('settlements', () => {
  it('take bounded memory however many there are; a hit counts for the window and at most a sixteenth more', () => {
    const limit = makeLimit(3, '16s');
    const settlement = fc.record({
      wait: fc.integer({ min: 0, max: SECOND / 8 }),
      hits: fc.integer({ min: 1, max: 9 }),
    });
    const property = fc.property(fc.array(settlement, { maxLength: 300, size: 'max' }), (settlements) => {
      const steps = settlements.map((settlement) => ({ ...settlement, action: 'settle' as const, grant: 0 }));
      const { counter } = expectToMatchExactLog({ start: NOON, limit, steps }, forTheWindowAndASubBucket);
      expect(counter.hitLog.ends.length).toBeLessThanOrEqual(64);
    });
    fc.assert(property, { ...TRACE_RUNS, numRuns: 1000 });
  });
});

describe('a limit that changes between exact times and sub-buckets', () => {
  it('forgets no hit before its window is over, and keeps none for more than a sub-bucket longer', () => {
    const [exact, coarse] = [makeLimit(64, '16s'), makeLimit(65, '16s')];
    const step = fc.record({
      wait: waits(16),
      limit: fc.constantFrom(exact, coarse),
      hits: fc.integer({ min: 1, max: 9 }),
    });
    const property = fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      const counter = new PureCounter();
      const made: { time: number; hits: number }[] = [];
      let now = NOON;
      const within = (length: number) =>
        made.reduce((sum, { time, hits }) => (time > now - length ? sum + hits : sum), 0);
      for (const { wait, limit, hits } of steps) {
        now += wait;
        const { granted, available } = counter.request(limit, now, hits);
        if (granted) made.push({ time: now, hits });
        expect(limit.requests - available).toBeGreaterThanOrEqual(within(16 * SECOND));
        expect(limit.requests - available).toBeLessThanOrEqual(within(17 * SECOND));
        expect(counter.counter.hitLog.ends).toEqual([...counter.counter.hitLog.ends].sort((a, b) => a - b));
      }
    });
    fc.assert(property, TRACE_RUNS);
  });
});
