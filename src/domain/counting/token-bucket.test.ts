import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY, makeLimit, NOON, SECOND } from '../../../test/counters/model/builders.ts';
import { expectExactResetTime, expectExactRetryTime, type Step } from '../../../test/counters/model/exact-log.ts';
import { PureCounter } from '../../../test/counters/model/pure-counter.ts';
import { TRACE_RUNS, waits } from '../../../test/counters/model/traces.ts';
import { expectAtLeast, expectAtMost, expectSame } from '../../../test/support/cheap-expect.ts';
import type { TokenBucketLimit } from '../limits/limit.ts';

interface BucketTrace {
  readonly limit: TokenBucketLimit;
  readonly steps: readonly Step[];
}

function arbitraryTraces(actions: readonly Step['action'][]): fc.Arbitrary<BucketTrace> {
  const limits = fc
    .record({
      requests: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 100_000 })),
      burst: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 100_000 })),
      window: fc.constantFrom('1s', '7s', '60s', '1h', '1d'),
    })
    .map(({ requests, burst, window }) => makeLimit(requests, window, { algorithm: 'token_bucket', burst }))
    .filter((limit) => limit.algorithm === 'token_bucket')
    .filter((limit) => new RationalBucket(limit).staysExactWith(limit.burst, NOON));
  return limits.chain((limit) => {
    const { burst } = limit;
    const step = fc.record({
      wait: fc.oneof(waits(limit.windowSeconds), waits(Math.ceil(limit.windowSeconds / limit.requests))),
      action: fc.oneof(fc.constant<Step['action']>('request'), fc.constantFrom(...actions)),
      hits: fc.oneof(
        fc.constant(1),
        fc.integer({ min: 1, max: Math.ceil(burst / 2) }),
        fc.constantFrom(burst, burst + 1),
      ),
      grant: fc.nat(50),
    });
    return fc.record({ limit: fc.constant(limit), steps: fc.array(step, { maxLength: 40, size: 'max' }) });
  });
}

/**
 * A token bucket in rational arithmetic without rounding. Its debt is a whole number of hits times µs of the window.
 */
class RationalBucket {
  debt = 0n;
  #refilledAt = BigInt(NOON);
  readonly #requests: bigint;
  readonly #window: bigint;
  readonly #burst: bigint;

  constructor({ requests, windowSeconds, burst }: TokenBucketLimit) {
    this.#requests = BigInt(requests);
    this.#window = BigInt(windowSeconds * SECOND);
    this.#burst = BigInt(burst);
  }

  refill(now: number): void {
    const refilled = this.debt - (BigInt(now) - this.#refilledAt) * this.#requests;
    this.debt = refilled > 0n ? refilled : 0n;
    this.#refilledAt = BigInt(now);
  }

  get free(): number {
    return Number(this.#burst - divideUp(this.debt, this.#window));
  }

  fits(hits: number): boolean {
    return this.debt + BigInt(hits) * this.#window <= this.#burst * this.#window;
  }

  draw(hits: number): void {
    this.debt += BigInt(hits) * this.#window;
  }

  /** Whether both the debt and the time at which it is refilled would stay below 2^53. */
  staysExactWith(hits: number, now: number): boolean {
    const debt = this.debt + BigInt(hits) * this.#window;
    return debt < 2n ** 53n && BigInt(now) + debt / this.#requests < 2n ** 53n;
  }

  /** µs until the hits fit. */
  microsUntilFit(hits: number): number {
    const excess = this.debt + (BigInt(hits) - this.#burst) * this.#window;
    return Number(divideUp(excess > 0n ? excess : 0n, this.#requests));
  }
}

function divideUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}

interface Withdrawal {
  readonly time: number;
  readonly hits: number;
}

/** In any interval, the tokens taken minus those refunded are at most the burst plus the refill of that interval. */
function expectAtMostBurstAndRefill(
  { burst, requests, windowSeconds }: TokenBucketLimit,
  drawn: readonly Withdrawal[],
): void {
  for (let from = 0; from < drawn.length; from++) {
    let hits = 0;
    for (const withdrawal of drawn.slice(from)) {
      hits += withdrawal.hits;
      const elapsed = BigInt(withdrawal.time - (drawn[from]?.time ?? 0));
      const max = BigInt(burst) * BigInt(windowSeconds * SECOND) + elapsed * BigInt(requests);
      if (BigInt(hits) * BigInt(windowSeconds * SECOND) > max) expect.fail(`${hits} hits in ${elapsed} µs`);
    }
  }
}

describe('token_bucket', () => {
  it('never grants more than the burst plus the refill, in any interval', () => {
    const property = fc.property(arbitraryTraces(['peek']), ({ limit, steps }) => {
      const counter = new PureCounter();
      const drawn: Withdrawal[] = [];
      let now = NOON;
      for (const { wait, hits } of steps) {
        now += wait;
        if (counter.request(limit, now, hits).granted) drawn.push({ time: now, hits });
      }
      expectAtMostBurstAndRefill(limit, drawn);
    });
    fc.assert(property, TRACE_RUNS);
  });

  it('agrees with rational arithmetic on what is free and granted, on retry-after and on the full reset', () => {
    const property = fc.property(arbitraryTraces(['peek', 'settle']), ({ limit, steps }) => {
      const counter = new PureCounter();
      const rational = new RationalBucket(limit);
      let now = NOON;
      for (const { wait, action, hits: stepHits } of steps) {
        now += wait;
        rational.refill(now);
        expectSame(counter.peek(limit, now).available, rational.free);
        if (action === 'settle') {
          if (!rational.staysExactWith(stepHits, now)) continue;
          rational.draw(stepHits);
          expectSame(counter.settle(limit, now, stepHits), rational.microsUntilFit(limit.burst));
          continue;
        }
        const hits = action === 'peek' ? 0 : stepHits;
        const before = counter.copy();
        const answer = counter.request(limit, now, hits);
        expectSame(answer.granted, rational.fits(hits));
        if (answer.granted) rational.draw(hits);
        else if (hits <= limit.burst) expectSame(answer.retryAfter, rational.microsUntilFit(hits));
        expectSame(answer.resetAfter, rational.microsUntilFit(limit.burst));
        if (!answer.granted) expectExactRetryTime(before, limit, now, hits, answer);
        expectExactResetTime(counter, limit, now, answer.resetAfter);
      }
    });
    fc.assert(property, TRACE_RUNS);
  });

  it('stays in debt after settlements of any size', () => {
    const limit = makeLimit(1, '1d', { algorithm: 'token_bucket' });
    const counter = new PureCounter();
    let { debt } = counter.counter.tokenBucket;
    for (let i = 0; i < 1000; i++) {
      counter.settle(limit, NOON, 50_000 + i);
      expectAtLeast(counter.counter.tokenBucket.debt, debt);
      debt = counter.counter.tokenBucket.debt;
    }
    expectSame(Number.isSafeInteger(debt), true);
    expectSame(counter.request(limit, NOON + 3650 * DAY, 1).granted, false);
  });
});

describe('a refund to a token bucket', () => {
  it('is limited to the part of the charge that is not refilled yet, in the order in which tokens were taken', () => {
    const property = fc.property(arbitraryTraces(['peek']), fc.nat(40), fc.nat(), (trace, later, wait) => {
      const { limit, steps } = trace;
      const window = BigInt(limit.windowSeconds * SECOND);
      const counter = new PureCounter();
      const rational = new RationalBucket(limit);
      let now = NOON;
      let skipped = later;
      let receipt: { hits: number; end: number; behind: bigint } | undefined;
      for (const step of steps) {
        now += step.wait;
        const { granted, resetAfter } = counter.request(limit, now, step.hits);
        if (!granted) continue;
        rational.refill(now);
        rational.draw(step.hits);
        if (receipt === undefined || skipped-- > 0) receipt = { hits: step.hits, end: now + resetAfter, behind: 0n };
        else receipt.behind += BigInt(step.hits) * window;
      }
      if (receipt === undefined) return;
      now += wait % (receipt.end - now + limit.windowSeconds * SECOND + 1);
      rational.refill(now);
      const charged = BigInt(receipt.hits) * window;
      const outstanding = rational.debt > receipt.behind ? rational.debt - receipt.behind : 0n;
      const refundable = outstanding < charged ? outstanding : charged;
      const freed = BigInt(counter.refund(limit, now, receipt.end, receipt.hits)) * window;
      expectSame(freed <= refundable, true);
      // Times are whole µs: up to 1 µs of refill less may count as outstanding.
      expectSame(freed + window > refundable - BigInt(limit.requests), true);
    });
    fc.assert(property, TRACE_RUNS);
  });

  it('is never more than was taken, and never allows more than the burst, the refill and the refunds', () => {
    const property = fc.property(arbitraryTraces(['peek', 'refund']), ({ limit, steps }) => {
      const counter = new PureCounter();
      const drawn: Withdrawal[] = [];
      const receipts: { hits: number; end: number }[] = [];
      let now = NOON;
      for (const { wait, action, hits, grant } of steps) {
        now += wait;
        if (action === 'refund') {
          const [receipt] = receipts.splice(grant % Math.max(1, receipts.length), 1);
          if (receipt === undefined) continue;
          const freed = counter.refund(limit, now, receipt.end, receipt.hits);
          expectAtLeast(freed, 0);
          expectAtMost(freed, now < receipt.end ? receipt.hits : 0);
          expectAtMost(counter.peek(limit, now).available, limit.burst);
          // The result is rounded down: a part of a hit is refunded as well.
          drawn.push({ time: now, hits: -Math.min(receipt.hits, freed + 1) });
          continue;
        }
        const { granted, resetAfter } = counter.request(limit, now, hits);
        if (!granted) continue;
        drawn.push({ time: now, hits });
        receipts.push({ hits, end: now + resetAfter });
      }
      expectAtMostBurstAndRefill(limit, drawn);
    });
    fc.assert(property, TRACE_RUNS);
  });
});
