import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { expectResetToBeTrue, expectRetryToBeTrue, type Step } from '../../../test/counters/model/exact-log.ts';
import { LoneCounter } from '../../../test/counters/model/lone-counter.ts';
import { DAY, limitOf, NOON, SECOND, TRACES, waits } from '../../../test/counters/model/traces.ts';
import type { TokenBucketLimit } from '../limits/limit.ts';

vi.setConfig({ testTimeout: 120_000 }); // On a busy machine 10,000 traces take their time.

interface BucketTrace {
  readonly limit: TokenBucketLimit;
  readonly steps: readonly Step[];
}

function tracesOf(actions: readonly Step['action'][]): fc.Arbitrary<BucketTrace> {
  const limits = fc
    .record({
      requests: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 100_000 })),
      burst: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 100_000 })),
      window: fc.constantFrom('1s', '7s', '60s', '1h', '1d'),
    })
    .map(({ requests, burst, window }) => limitOf(requests, window, { algorithm: 'token_bucket', burst }))
    .filter((limit) => limit.algorithm === 'token_bucket')
    .filter((limit) => new RationalBucket(limit).staysExactWith(limit.burst, NOON));
  return limits.chain((limit) => {
    const { burst } = limit;
    const step = fc.record({
      wait: fc.oneof(waits(limit.windowSeconds), waits(Math.ceil(limit.windowSeconds / limit.requests))),
      action: fc.oneof(fc.constant<Step['action']>('ask'), fc.constantFrom(...actions)),
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

/** What the bucket lacks, as a whole number of hits times µs of the window: rational arithmetic without rounding. */
class RationalBucket {
  debt = 0n;
  #seen = BigInt(NOON);
  readonly #requests: bigint;
  readonly #window: bigint;
  readonly #burst: bigint;

  constructor({ requests, windowSeconds, burst }: TokenBucketLimit) {
    this.#requests = BigInt(requests);
    this.#window = BigInt(windowSeconds * SECOND);
    this.#burst = BigInt(burst);
  }

  refill(now: number): void {
    const refilled = this.debt - (BigInt(now) - this.#seen) * this.#requests;
    this.debt = refilled > 0n ? refilled : 0n;
    this.#seen = BigInt(now);
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

  /** Whether neither the debt nor the time at which it is paid would be 2^53 or more. */
  staysExactWith(hits: number, now: number): boolean {
    const debt = this.debt + BigInt(hits) * this.#window;
    return debt < 2n ** 53n && BigInt(now) + debt / this.#requests < 2n ** 53n;
  }

  /** µs until so many hits fit. */
  waitFor(hits: number): number {
    const excess = this.debt + (BigInt(hits) - this.#burst) * this.#window;
    return Number(divideUp(excess > 0n ? excess : 0n, this.#requests));
  }
}

function divideUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}

interface Drawn {
  readonly time: number;
  readonly hits: number;
}

/** In any interval at most the burst and what is refilled in it were drawn and not put back in it. */
function expectAtMostBurstAndRefill(
  { burst, requests, windowSeconds }: TokenBucketLimit,
  drawn: readonly Drawn[],
): void {
  for (let from = 0; from < drawn.length; from++) {
    let hits = 0;
    for (const each of drawn.slice(from)) {
      hits += each.hits;
      const elapsed = BigInt(each.time - (drawn[from]?.time ?? 0));
      const most = BigInt(burst) * BigInt(windowSeconds * SECOND) + elapsed * BigInt(requests);
      if (BigInt(hits) * BigInt(windowSeconds * SECOND) > most) expect.fail(`${hits} hits in ${elapsed} µs`);
    }
  }
}

describe('token_bucket', () => {
  it('grants never more than the burst and what is refilled, in any interval', () => {
    const property = fc.property(tracesOf(['look']), ({ limit, steps }) => {
      const counter = new LoneCounter();
      const drawn: Drawn[] = [];
      let now = NOON;
      for (const { wait, hits } of steps) {
        now += wait;
        if (counter.ask(limit, now, hits).granted) drawn.push({ time: now, hits });
      }
      expectAtMostBurstAndRefill(limit, drawn);
    });
    fc.assert(property, TRACES);
  });

  it('equals rational arithmetic: what is free, what is granted, when a refused one fits, when all is free', () => {
    const property = fc.property(tracesOf(['look', 'settle']), ({ limit, steps }) => {
      const counter = new LoneCounter();
      const rational = new RationalBucket(limit);
      let now = NOON;
      for (const { wait, action, hits: asked } of steps) {
        now += wait;
        rational.refill(now);
        expect(counter.look(limit, now).free).toBe(rational.free);
        if (action === 'settle') {
          if (!rational.staysExactWith(asked, now)) continue;
          rational.draw(asked);
          expect(counter.settle(limit, now, asked)).toBe(rational.waitFor(limit.burst));
          continue;
        }
        const hits = action === 'look' ? 0 : asked;
        const before = counter.copy();
        const answer = counter.ask(limit, now, hits);
        expect(answer.granted).toBe(rational.fits(hits));
        if (answer.granted) rational.draw(hits);
        else if (hits <= limit.burst) expect(answer.retryAfter).toBe(rational.waitFor(hits));
        expect(answer.resetAfter).toBe(rational.waitFor(limit.burst));
        if (!answer.granted) expectRetryToBeTrue(before, limit, now, hits, answer);
        expectResetToBeTrue(counter, limit, now, answer.resetAfter);
      }
    });
    fc.assert(property, TRACES);
  });

  it('stays in debt, however much is settled', () => {
    const limit = limitOf(1, '1d', { algorithm: 'token_bucket' });
    const counter = new LoneCounter();
    let { debt } = counter.counter.bucket;
    for (let i = 0; i < 1000; i++) {
      counter.settle(limit, NOON, 50_000 + i);
      expect(counter.counter.bucket.debt).toBeGreaterThanOrEqual(debt);
      debt = counter.counter.bucket.debt;
    }
    expect(Number.isSafeInteger(debt)).toBe(true);
    expect(counter.ask(limit, NOON + 3650 * DAY, 1).granted).toBe(false);
  });
});

describe('what is given back to a token bucket', () => {
  it('is what of the charge was not refilled yet, where the first to be drawn is the first to be refilled', () => {
    const property = fc.property(tracesOf(['look']), fc.nat(40), fc.nat(), (trace, later, wait) => {
      const { limit, steps } = trace;
      const window = BigInt(limit.windowSeconds * SECOND);
      const counter = new LoneCounter();
      const rational = new RationalBucket(limit);
      let now = NOON;
      let place = later;
      let receipt: { hits: number; end: number; behind: bigint } | undefined;
      for (const step of steps) {
        now += step.wait;
        const { granted, resetAfter } = counter.ask(limit, now, step.hits);
        if (!granted) continue;
        rational.refill(now);
        rational.draw(step.hits);
        if (receipt === undefined || place-- > 0) receipt = { hits: step.hits, end: now + resetAfter, behind: 0n };
        else receipt.behind += BigInt(step.hits) * window;
      }
      if (receipt === undefined) return;
      now += wait % (receipt.end - now + limit.windowSeconds * SECOND + 1);
      rational.refill(now);
      const asked = BigInt(receipt.hits) * window;
      const out = rational.debt > receipt.behind ? rational.debt - receipt.behind : 0n;
      const still = out < asked ? out : asked;
      const freed = BigInt(counter.giveBack(limit, now, receipt.end, receipt.hits)) * window;
      expect(freed <= still).toBe(true);
      // Times are whole µs: that much less may be found to be still out.
      expect(freed + window > still - BigInt(limit.requests)).toBe(true);
    });
    fc.assert(property, TRACES);
  });

  it('is never more than was taken, and never lets more be drawn than the burst, the refill and itself', () => {
    const property = fc.property(tracesOf(['look', 'giveBack']), ({ limit, steps }) => {
      const counter = new LoneCounter();
      const drawn: Drawn[] = [];
      const receipts: { hits: number; end: number }[] = [];
      let now = NOON;
      for (const { wait, action, hits, grant } of steps) {
        now += wait;
        if (action === 'giveBack') {
          const [receipt] = receipts.splice(grant % Math.max(1, receipts.length), 1);
          if (receipt === undefined) continue;
          const freed = counter.giveBack(limit, now, receipt.end, receipt.hits);
          expect(freed).toBeGreaterThanOrEqual(0);
          expect(freed).toBeLessThanOrEqual(now < receipt.end ? receipt.hits : 0);
          expect(counter.look(limit, now).free).toBeLessThanOrEqual(limit.burst);
          // Of a part of a hit nothing is told, and yet it is back.
          drawn.push({ time: now, hits: -Math.min(receipt.hits, freed + 1) });
          continue;
        }
        const { granted, resetAfter } = counter.ask(limit, now, hits);
        if (!granted) continue;
        drawn.push({ time: now, hits });
        receipts.push({ hits, end: now + resetAfter });
      }
      expectAtMostBurstAndRefill(limit, drawn);
    });
    fc.assert(property, TRACES);
  });
});
