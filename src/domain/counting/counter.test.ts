import fc from 'fast-check';
import { describe, it } from 'vitest';
import { makeCalendarLimit, makeLimit, NOON, SECOND } from '../../../test/counters/model/builders.ts';
import { PureCounter } from '../../../test/counters/model/pure-counter.ts';
import { clockStepsBack, TRACE_RUNS, waits } from '../../../test/counters/model/traces.ts';
import { expectAtLeast, expectAtMost, expectBelow, expectSame } from '../../../test/support/cheap-expect.ts';
import type { TimedLimit } from '../limits/limit.ts';

const MINUTE = 60 * SECOND;

/** One limit of each algorithm and form, each with a window of an hour. */
function hourlyLimits(blockForSeconds?: number): readonly TimedLimit[] {
  const block = blockForSeconds === undefined ? {} : { blockForSeconds };
  return [
    makeLimit(5, '1h', block),
    makeLimit(100, '1h', block),
    makeLimit(20, '1h', { ...block, algorithm: 'fixed_window' }),
    makeLimit(20, '1h', { ...block, algorithm: 'token_bucket', burst: 7 }),
    makeCalendarLimit(20, 'hour', block),
    makeLimit(5, '1h', { ...block, algorithm: 'concurrency' }),
    makeLimit(100, '1h', { ...block, algorithm: 'concurrency' }),
  ];
}

interface Step {
  readonly wait: number;
  readonly hits: number;
}

function arbitrarySteps(wait: fc.Arbitrary<number>): fc.Arbitrary<readonly Step[]> {
  const hits = fc.constantFrom(0, 1, 1, 1, 2, 5, 40, 101);
  return fc.array(fc.record({ wait, hits }), { maxLength: 40, size: 'max' });
}

describe('block_for, with every algorithm', () => {
  it('rejects everything for the given time after the first rejection, peeks included, and is not extended', () => {
    const blocked = 20 * MINUTE;
    const limits = hourlyLimits(blocked / SECOND);
    const wait = fc.oneof(waits(3600), waits(1200), fc.constantFrom(blocked - 1, blocked));
    const property = fc.property(fc.constantFrom(...limits), arbitrarySteps(wait), (limit, steps) => {
      const counter = new PureCounter();
      /** The same limit without a block and with the same charges: what the limit alone would decide. */
      const plain = new PureCounter();
      const { blockForSeconds: _, ...unblocked } = limit;
      let until = 0;
      let now = NOON;
      for (const { wait, hits } of steps) {
        now += wait;
        const isBlocked = now < until;
        const { granted, available, retryAfter, resetAfter } = counter.request(limit, now, hits);
        const alone = plain.copy().request(unblocked, now, hits);
        expectSame(granted, !isBlocked && alone.granted);
        if (granted) plain.request(unblocked, now, hits);
        else if (!isBlocked && hits > 0) until = now + blocked;
        if (now >= until) continue;
        expectBelow(available, 0);
        expectSame(resetAfter, Math.max(until - now, plain.peek(unblocked, now).resetAfter));
        if (retryAfter !== undefined) expectSame(retryAfter, Math.max(until - now, alone.retryAfter ?? 0));
      }
    });
    fc.assert(property, TRACE_RUNS);
  });

  it('grants at the retryAfter of a rejection, and not just before', () => {
    const limits = hourlyLimits(1200);
    const property = fc.property(fc.constantFrom(...limits), arbitrarySteps(waits(3600)), (limit, steps) => {
      const counter = new PureCounter();
      let now = NOON;
      for (const { wait, hits } of steps) {
        now += wait;
        const { granted, retryAfter } = counter.request(limit, now, hits);
        if (granted || retryAfter === undefined) continue;
        expectSame(counter.copy().request(limit, now + retryAfter - 1, hits).granted, false);
        expectSame(counter.copy().request(limit, now + retryAfter, hits).granted, true);
      }
    });
    fc.assert(property, TRACE_RUNS);
  });
});

/** The longest time in µs for which a hit counts while the clock is not set. */
function longestLifetime(limit: TimedLimit): number {
  const { algorithm, requests, windowSeconds } = limit;
  const window = windowSeconds * SECOND;
  if (algorithm === 'token_bucket') return (window / requests) * limit.burst;
  const hasSubBuckets = requests > 64 && (algorithm === 'sliding_window' || algorithm === 'concurrency');
  return hasSubBuckets ? window * (17 / 16) : window;
}

const endOfOneHit = (limit: TimedLimit, time: number) => time + new PureCounter().request(limit, time, 1).resetAfter;

describe('a clock that is set back', () => {
  const window = 3600 * SECOND;
  const wait = fc.oneof({ weight: 3, arbitrary: waits(3600) }, { weight: 1, arbitrary: clockStepsBack(3600) });
  const limits = fc.constantFrom(...hourlyLimits().filter(({ algorithm }) => algorithm !== 'token_bucket'));

  it('by up to an eighth of the window does not change when hits stop counting, nor delay new ones further', () => {
    const property = fc.property(limits, arbitrarySteps(wait), (limit, steps) => {
      const counter = new PureCounter();
      let made: { end: number; hits: number }[] = [];
      let [now, latest] = [NOON, NOON];
      for (const { wait, hits } of steps) {
        now = Math.max(now + wait, latest - window / 8);
        latest = Math.max(latest, now);
        const { granted, availableBefore, resetAfter } = counter.request(limit, now, hits);
        made = made.filter(({ end }) => end > now);
        expectSame(
          limit.requests - availableBefore,
          made.reduce((sum, { hits }) => sum + hits, 0),
        );
        if (!granted || hits === 0) continue;
        expectAtLeast(now + resetAfter, endOfOneHit(limit, now));
        expectAtMost(now + resetAfter, endOfOneHit(limit, latest));
        made.push({ end: now + resetAfter, hits });
      }
    });
    fc.assert(property, TRACE_RUNS);
  });

  it('by up to an eighth of the window lets a token bucket answer as if the clock stood still meanwhile', () => {
    const limit = makeLimit(20, '1h', { algorithm: 'token_bucket', burst: 7 });
    const property = fc.property(arbitrarySteps(wait), (steps) => {
      const [stepping, standing] = [new PureCounter(), new PureCounter()];
      let [now, latest] = [NOON, NOON];
      stepping.peek(limit, now);
      for (const { wait, hits } of steps) {
        now = Math.max(now + wait, latest - window / 8);
        latest = Math.max(latest, now);
        const actual = stepping.request(limit, now, hits);
        const expected = standing.request(limit, latest, hits);
        expectSame(actual.granted, expected.granted);
        expectSame(actual.available, expected.available);
        if (expected.retryAfter !== undefined) expectSame(actual.retryAfter, latest - now + expected.retryAfter);
      }
    });
    fc.assert(property, TRACE_RUNS);
  });

  it('by any time frees nothing, and delays the full reset by at most an eighth of the window', () => {
    const blocked = makeLimit(5, '1h', { name: 'blocked', blockForSeconds: 3 * 3600 });
    const any = fc.constantFrom(...hourlyLimits(), blocked);
    const property = fc.property(any, arbitrarySteps(wait), (limit, steps) => {
      const counter = new PureCounter();
      const longest = Math.max(longestLifetime(limit) * (9 / 8), longestLifetime(limit) + window / 8);
      let now = NOON;
      for (const { wait, hits } of steps) {
        const before = counter.copy().peek(limit, now);
        now += wait;
        const { availableBefore, resetAfter } = counter.request(limit, now, hits);
        if (wait <= 0) expectAtMost(availableBefore, before.available);
        expectAtMost(resetAfter, Math.max(longest, (limit.blockForSeconds ?? 0) * SECOND));
      }
    });
    fc.assert(property, TRACE_RUNS);
  });
});
