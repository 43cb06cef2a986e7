import fc from 'fast-check';
import { expect } from 'vitest';
import type { CountedLimit } from '../../../src/domain/limits/limit.ts';
import { type Answer, PureCounter } from './pure-counter.ts';
import { DAY, NOON, waits } from './traces.ts';

/** Whether hits made at one time count at a later one. `perhaps`: the algorithm's bound leaves it open. */
export type Counts = (limit: CountedLimit, madeAt: number, now: number) => 'yes' | 'perhaps' | 'no';

export interface Step {
  /** µs that pass before. */
  readonly wait: number;
  readonly action: 'ask' | 'look' | 'settle' | 'giveBack';
  readonly hits: number;
  /** Which of the grants so far is given back. */
  readonly grant: number;
}

export interface Trace {
  /** µs since 1970. */
  readonly start: number;
  readonly limit: CountedLimit;
  readonly steps: readonly Step[];
}

interface Grant {
  readonly time: number;
  readonly hits: number;
  /** When the counter said that it ends. */
  readonly end: number;
  givenBack: boolean;
}

/** Traces of one limit, whose hits are single ones, parts of the limit, and now and then more than all of it. */
export function tracesOf(limits: fc.Arbitrary<CountedLimit>, maxLength = 40): fc.Arbitrary<Trace> {
  return limits.chain((limit) => {
    const { requests } = limit;
    const hits = fc.oneof(
      { weight: 8, arbitrary: fc.constant(1) },
      { weight: 8, arbitrary: fc.integer({ min: 1, max: Math.ceil(requests / 2) }) },
      { weight: 1, arbitrary: fc.constantFrom(requests, requests + 1) },
    );
    const action = fc.oneof(
      { weight: 10, arbitrary: fc.constant<Step['action']>('ask') },
      { weight: 1, arbitrary: fc.constant<Step['action']>('look') },
      { weight: 1, arbitrary: fc.constant<Step['action']>('settle') },
      { weight: 3, arbitrary: fc.constant<Step['action']>('giveBack') },
    );
    const step = fc.record({ wait: waits(limit.windowSeconds), action, hits, grant: fc.nat(50) });
    const start = fc.integer({ min: 0, max: 2 * 365 * DAY }).map((time) => NOON + time);
    return fc.record({ start, limit: fc.constant(limit), steps: fc.array(step, { maxLength, size: 'max' }) });
  });
}

/** Every hit that was ever charged: too much to keep for a service, and easy to see right. */
class ExactLog {
  readonly grants: Grant[] = [];
  readonly #limit: CountedLimit;
  readonly #counts: Counts;

  constructor(limit: CountedLimit, counts: Counts) {
    this.#limit = limit;
    this.#counts = counts;
  }

  /** The fewest and the most hits that the algorithm may count at `now`. */
  usedAt(now: number): { fewest: number; most: number } {
    let fewest = 0;
    let most = 0;
    for (const { time, hits, givenBack } of this.grants) {
      const counts = givenBack ? 'no' : this.#counts(this.#limit, time, now);
      if (counts === 'yes') fewest += hits;
      if (counts !== 'no') most += hits;
    }
    return { fewest, most };
  }
}

/**
 * Plays a trace and holds every answer against the log: what is used, what is granted, when a refused one would fit, when
 * all is free, what receipts free. Returns the counter.
 */
export function expectToCountAsLog({ start, limit, steps }: Trace, counts: Counts): PureCounter {
  const counter = new PureCounter();
  const log = new ExactLog(limit, counts);
  let now = start;
  for (const step of steps) {
    now += step.wait;
    const { fewest, most } = log.usedAt(now);
    const used = limit.requests - counter.peek(limit, now).available;
    expect(used).toBeGreaterThanOrEqual(fewest);
    expect(used).toBeLessThanOrEqual(most);
    if (step.action === 'giveBack') expectToFreeWhatWasTaken(counter, limit, now, log.grants, step.grant);
    else if (step.action === 'settle') expectToSettle(counter, limit, now, log.grants, step.hits);
    else expectAnswer(counter, limit, now, log.grants, step.action === 'look' ? 0 : step.hits);
  }
  return counter;
}

function expectAnswer(counter: PureCounter, limit: CountedLimit, now: number, grants: Grant[], hits: number): void {
  const before = counter.copy();
  const answer = counter.request(limit, now, hits);
  const { granted, availableBefore, available, resetAfter } = answer;
  expect(granted).toBe(hits <= availableBefore);
  expect(available).toBe(granted ? availableBefore - hits : availableBefore);
  if (granted && hits > 0) grants.push({ time: now, hits, end: now + resetAfter, givenBack: false });
  if (!granted) expectRetryToBeTrue(before, limit, now, hits, answer);
  expectResetToBeTrue(counter, limit, now, resetAfter);
}

/** Refused just before, granted at it. */
export function expectRetryToBeTrue(
  before: PureCounter,
  limit: CountedLimit,
  now: number,
  hits: number,
  { retryAfter }: Answer,
): void {
  const most = limit.algorithm === 'token_bucket' ? limit.burst : limit.requests;
  if (hits > most) {
    expect(retryAfter).toBeUndefined();
    return;
  }
  const retryAt = now + (retryAfter ?? Number.NaN);
  expect(before.copy().request(limit, retryAt - 1, hits).granted).toBe(false);
  expect(before.copy().request(limit, retryAt, hits).granted).toBe(true);
}

/** All is free at it, and not just before. */
export function expectResetToBeTrue(counter: PureCounter, limit: CountedLimit, now: number, resetAfter: number): void {
  const most = limit.algorithm === 'token_bucket' ? limit.burst : limit.requests;
  expect(counter.copy().peek(limit, now + resetAfter).available).toBe(most);
  if (resetAfter > 0) expect(counter.copy().peek(limit, now + resetAfter - 1).available).toBeLessThan(most);
}

function expectToSettle(counter: PureCounter, limit: CountedLimit, now: number, grants: Grant[], hits: number): void {
  const { available } = counter.peek(limit, now);
  const end = now + counter.settle(limit, now, hits);
  expect(counter.peek(limit, now).available).toBe(available - hits);
  grants.push({ time: now, hits, end, givenBack: false });
}

/** All that it took and that has not ended, at once and to the µs. */
function expectToFreeWhatWasTaken(
  counter: PureCounter,
  limit: CountedLimit,
  now: number,
  grants: readonly Grant[],
  place: number,
): void {
  const receipts = grants.filter(({ givenBack }) => !givenBack);
  const receipt = receipts[place % receipts.length];
  if (receipt === undefined) return;
  const { available } = counter.peek(limit, now);
  const still = now < receipt.end ? receipt.hits : 0;
  expect(counter.refund(limit, now, receipt.end, receipt.hits)).toBe(still);
  expect(counter.peek(limit, now).available).toBe(available + still);
  receipt.givenBack = true;
}
