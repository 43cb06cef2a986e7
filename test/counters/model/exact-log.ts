import fc from 'fast-check';
import type { TimedLimit } from '../../../src/domain/limits/limit.ts';
import { expectAtLeast, expectAtMost, expectBelow, expectSame } from '../../support/cheap-expect.ts';
import { DAY, NOON } from './builders.ts';
import { type Answer, PureCounter } from './pure-counter.ts';
import { waits } from './traces.ts';

/** Says whether hits made at one time count at a later one. `perhaps`: the guarantee of the algorithm allows both. */
export type HitCounts = (limit: TimedLimit, madeAt: number, now: number) => 'yes' | 'perhaps' | 'no';

export interface Step {
  /** Time that passes before the step, in µs. */
  readonly wait: number;
  readonly action: 'request' | 'peek' | 'settle' | 'refund';
  readonly hits: number;
  /** Selects one of the grants so far, to be refunded. */
  readonly grant: number;
}

export interface Trace {
  /** µs since 1970. */
  readonly start: number;
  readonly limit: TimedLimit;
  readonly steps: readonly Step[];
}

interface Grant {
  readonly time: number;
  readonly hits: number;
  /** When the hits stop counting, as the counter reported it. */
  readonly countsUntil: number;
  isRefunded: boolean;
}

/** Draws traces of one limit. A step has one hit, part of the limit, or now and then all of it and more. */
export function randomTraces(limits: fc.Arbitrary<TimedLimit>, maxLength = 40): fc.Arbitrary<Trace> {
  return limits.chain((limit) => {
    const { requests } = limit;
    const hits = fc.oneof(
      { weight: 8, arbitrary: fc.constant(1) },
      { weight: 8, arbitrary: fc.integer({ min: 1, max: Math.ceil(requests / 2) }) },
      { weight: 1, arbitrary: fc.constantFrom(requests, requests + 1) },
    );
    const action = fc.oneof(
      { weight: 10, arbitrary: fc.constant<Step['action']>('request') },
      { weight: 1, arbitrary: fc.constant<Step['action']>('peek') },
      { weight: 1, arbitrary: fc.constant<Step['action']>('settle') },
      { weight: 3, arbitrary: fc.constant<Step['action']>('refund') },
    );
    const step = fc.record({ wait: waits(limit.windowSeconds), action, hits, grant: fc.nat(50) });
    const start = fc.integer({ min: 0, max: 2 * 365 * DAY }).map((time) => NOON + time);
    return fc.record({ start, limit: fc.constant(limit), steps: fc.array(step, { maxLength, size: 'max' }) });
  });
}

/** Keeps every hit that was ever charged. A service could not afford that, but it is obviously correct. */
class ExactLog {
  readonly grants: Grant[] = [];
  readonly #limit: TimedLimit;
  readonly #hitCounts: HitCounts;

  constructor(limit: TimedLimit, hitCounts: HitCounts) {
    this.#limit = limit;
    this.#hitCounts = hitCounts;
  }

  /** Returns the fewest and the most hits that the algorithm may count at `now`. */
  usedAt(now: number): { min: number; max: number } {
    let min = 0;
    let max = 0;
    for (const { time, hits, isRefunded } of this.grants) {
      const counts = isRefunded ? 'no' : this.#hitCounts(this.#limit, time, now);
      if (counts === 'yes') min += hits;
      if (counts !== 'no') max += hits;
    }
    return { min, max };
  }
}

/**
 * Plays a trace, and compares every answer with the log: the used hits, the grants, when rejected hits would fit, when
 * the whole limit is free, and what receipts refund. Returns the counter.
 */
export function expectToMatchExactLog({ start, limit, steps }: Trace, counts: HitCounts): PureCounter {
  const counter = new PureCounter();
  const log = new ExactLog(limit, counts);
  let now = start;
  for (const step of steps) {
    now += step.wait;
    const { min, max } = log.usedAt(now);
    const used = limit.requests - counter.peek(limit, now).available;
    expectAtLeast(used, min);
    expectAtMost(used, max);
    if (step.action === 'refund') expectExactRefund(counter, limit, now, log.grants, step.grant);
    else if (step.action === 'settle') expectSettlement(counter, limit, now, log.grants, step.hits);
    else expectAnswer(counter, limit, now, log.grants, step.action === 'peek' ? 0 : step.hits);
  }
  return counter;
}

function expectAnswer(counter: PureCounter, limit: TimedLimit, now: number, grants: Grant[], hits: number): void {
  const before = counter.copy();
  const answer = counter.request(limit, now, hits);
  const { granted, availableBefore, available, resetAfter } = answer;
  expectSame(granted, hits <= availableBefore);
  expectSame(available, granted ? availableBefore - hits : availableBefore);
  if (granted && hits > 0) grants.push({ time: now, hits, countsUntil: now + resetAfter, isRefunded: false });
  if (!granted) expectExactRetryTime(before, limit, now, hits, answer);
  expectExactResetTime(counter, limit, now, resetAfter);
}

/** Expects that the hits are rejected just before the reported time, and granted at it. */
export function expectExactRetryTime(
  before: PureCounter,
  limit: TimedLimit,
  now: number,
  hits: number,
  { retryAfter }: Answer,
): void {
  const max = limit.algorithm === 'token_bucket' ? limit.burst : limit.requests;
  if (hits > max) {
    expectSame(retryAfter, undefined);
    return;
  }
  const retryAt = now + (retryAfter ?? Number.NaN);
  expectSame(before.copy().request(limit, retryAt - 1, hits).granted, false);
  expectSame(before.copy().request(limit, retryAt, hits).granted, true);
}

/** Expects that the whole limit is free at the reported time, and not just before. */
export function expectExactResetTime(counter: PureCounter, limit: TimedLimit, now: number, resetAfter: number): void {
  const max = limit.algorithm === 'token_bucket' ? limit.burst : limit.requests;
  expectSame(counter.copy().peek(limit, now + resetAfter).available, max);
  if (resetAfter > 0) expectBelow(counter.copy().peek(limit, now + resetAfter - 1).available, max);
}

function expectSettlement(counter: PureCounter, limit: TimedLimit, now: number, grants: Grant[], hits: number): void {
  const { available } = counter.peek(limit, now);
  const countsUntil = now + counter.settle(limit, now, hits);
  expectSame(counter.peek(limit, now).available, available - hits);
  grants.push({ time: now, hits, countsUntil, isRefunded: false });
}

/** Refunds a grant, and expects that its hits are free at once, unless they have stopped counting. */
function expectExactRefund(
  counter: PureCounter,
  limit: TimedLimit,
  now: number,
  grants: readonly Grant[],
  index: number,
): void {
  const refundable = grants.filter(({ isRefunded }) => !isRefunded);
  const grant = refundable[index % refundable.length];
  if (grant === undefined) return;
  const { available } = counter.peek(limit, now);
  const stillCounting = now < grant.countsUntil ? grant.hits : 0;
  expectSame(counter.refund(limit, now, grant.countsUntil, grant.hits), stillCounting);
  expectSame(counter.peek(limit, now).available, available + stillCounting);
  grant.isRefunded = true;
}
