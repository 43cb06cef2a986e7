import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { LoneCounter } from '../../../test/counters/model/lone-counter.ts';
import { calendarOf, limitOf, NOON, SECOND, stepsBack, TRACES, waits } from '../../../test/counters/model/traces.ts';
import type { CountedLimit } from '../limits/limit.ts';

vi.setConfig({ testTimeout: 120_000 }); // On a busy machine 10,000 traces take their time.

const MINUTE = 60 * SECOND;

/** One limit of each algorithm and form, all of them over a window of an hour. */
function limitsOfAnHour(blockForSeconds?: number): readonly CountedLimit[] {
  const block = blockForSeconds === undefined ? {} : { blockForSeconds };
  return [
    limitOf(5, '1h', block),
    limitOf(100, '1h', block),
    limitOf(20, '1h', { ...block, algorithm: 'fixed_window' }),
    limitOf(20, '1h', { ...block, algorithm: 'token_bucket', burst: 7 }),
    calendarOf(20, 'hour', block),
    limitOf(5, '1h', { ...block, algorithm: 'concurrency' }),
    limitOf(100, '1h', { ...block, algorithm: 'concurrency' }),
  ];
}

interface Step {
  readonly wait: number;
  readonly hits: number;
}

function stepsOf(wait: fc.Arbitrary<number>): fc.Arbitrary<readonly Step[]> {
  const hits = fc.constantFrom(0, 1, 1, 1, 2, 5, 40, 101);
  return fc.array(fc.record({ wait, hits }), { maxLength: 40, size: 'max' });
}

describe('block_for, with every algorithm', () => {
  it('refuses everything, looks too, from the first refusal on for so long, whatever is refused meanwhile', () => {
    const blocked = 20 * MINUTE;
    const limits = limitsOfAnHour(blocked / SECOND);
    const wait = fc.oneof(waits(3600), waits(1200), fc.constantFrom(blocked - 1, blocked));
    const property = fc.property(fc.constantFrom(...limits), stepsOf(wait), (limit, steps) => {
      const counter = new LoneCounter();
      /** The same limit without a block, charged alike: what the limit alone would say. */
      const plain = new LoneCounter();
      const { blockForSeconds: _, ...unblocked } = limit;
      let until = 0;
      let now = NOON;
      for (const { wait, hits } of steps) {
        now += wait;
        const isBlocked = now < until;
        const { granted, free, retryAfter, resetAfter } = counter.ask(limit, now, hits);
        const alone = plain.copy().ask(unblocked, now, hits);
        expect(granted).toBe(!isBlocked && alone.granted);
        if (granted) plain.ask(unblocked, now, hits);
        else if (!isBlocked && hits > 0) until = now + blocked;
        if (now >= until) continue;
        expect(free).toBeLessThan(0);
        expect(resetAfter).toBe(Math.max(until - now, plain.look(unblocked, now).resetAfter));
        if (retryAfter !== undefined) expect(retryAfter).toBe(Math.max(until - now, alone.retryAfter ?? 0));
      }
    });
    fc.assert(property, TRACES);
  });

  it('is granted at the retryAfter that a refusal tells, and not just before', () => {
    const limits = limitsOfAnHour(1200);
    const property = fc.property(fc.constantFrom(...limits), stepsOf(waits(3600)), (limit, steps) => {
      const counter = new LoneCounter();
      let now = NOON;
      for (const { wait, hits } of steps) {
        now += wait;
        const { granted, retryAfter } = counter.ask(limit, now, hits);
        if (granted || retryAfter === undefined) continue;
        expect(counter.copy().ask(limit, now + retryAfter - 1, hits).granted).toBe(false);
        expect(counter.copy().ask(limit, now + retryAfter, hits).granted).toBe(true);
      }
    });
    fc.assert(property, TRACES);
  });
});

/** The longest that hits count when the clock is not set, in µs. */
function longestOf(limit: CountedLimit): number {
  const { algorithm, requests, windowSeconds } = limit;
  const window = windowSeconds * SECOND;
  if (algorithm === 'token_bucket') return (window / requests) * limit.burst;
  const hasSubBuckets = requests > 64 && (algorithm === 'sliding_window' || algorithm === 'concurrency');
  return hasSubBuckets ? window * (17 / 16) : window;
}

const endOfOne = (limit: CountedLimit, time: number) => time + new LoneCounter().ask(limit, time, 1).resetAfter;

describe('a clock that is set back', () => {
  const window = 3600 * SECOND;
  const wait = fc.oneof({ weight: 3, arbitrary: waits(3600) }, { weight: 1, arbitrary: stepsBack(3600) });
  const limits = fc.constantFrom(...limitsOfAnHour().filter(({ algorithm }) => algorithm !== 'token_bucket'));

  it('by up to an eighth of the window: hits count until the clock was at their end, which is no later than before', () => {
    const property = fc.property(limits, stepsOf(wait), (limit, steps) => {
      const counter = new LoneCounter();
      let made: { end: number; hits: number }[] = [];
      let [now, latest] = [NOON, NOON];
      for (const { wait, hits } of steps) {
        now = Math.max(now + wait, latest - window / 8);
        latest = Math.max(latest, now);
        const { granted, freeBefore, resetAfter } = counter.ask(limit, now, hits);
        made = made.filter(({ end }) => end > now);
        expect(limit.requests - freeBefore).toBe(made.reduce((sum, each) => sum + each.hits, 0));
        if (!granted || hits === 0) continue;
        expect(now + resetAfter).toBeGreaterThanOrEqual(endOfOne(limit, now));
        expect(now + resetAfter).toBeLessThanOrEqual(endOfOne(limit, latest));
        made.push({ end: now + resetAfter, hits });
      }
    });
    fc.assert(property, TRACES);
  });

  it('by up to an eighth of the window: a token bucket answers as if the clock stood until it has caught up', () => {
    const limit = limitOf(20, '1h', { algorithm: 'token_bucket', burst: 7 });
    const property = fc.property(stepsOf(wait), (steps) => {
      const [stepping, standing] = [new LoneCounter(), new LoneCounter()];
      let [now, latest] = [NOON, NOON];
      stepping.look(limit, now);
      for (const { wait, hits } of steps) {
        now = Math.max(now + wait, latest - window / 8);
        latest = Math.max(latest, now);
        const told = stepping.ask(limit, now, hits);
        const expected = standing.ask(limit, latest, hits);
        expect([told.granted, told.free]).toEqual([expected.granted, expected.free]);
        if (expected.retryAfter !== undefined) expect(told.retryAfter).toBe(latest - now + expected.retryAfter);
      }
    });
    fc.assert(property, TRACES);
  });

  it('by any time: nothing is free that was not, and all is free again an eighth of the window later at most', () => {
    const blocked = limitOf(5, '1h', { name: 'blocked', blockForSeconds: 3 * 3600 });
    const any = fc.constantFrom(...limitsOfAnHour(), blocked);
    const property = fc.property(any, stepsOf(wait), (limit, steps) => {
      const counter = new LoneCounter();
      const longest = Math.max(longestOf(limit) * (9 / 8), longestOf(limit) + window / 8);
      let now = NOON;
      for (const { wait, hits } of steps) {
        const before = counter.copy().look(limit, now);
        now += wait;
        const { freeBefore, resetAfter } = counter.ask(limit, now, hits);
        if (wait <= 0) expect(freeBefore).toBeLessThanOrEqual(before.free);
        expect(resetAfter).toBeLessThanOrEqual(Math.max(longest, (limit.blockForSeconds ?? 0) * SECOND));
      }
    });
    fc.assert(property, TRACES);
  });
});
