import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Charge, CounterStore, Decision, DecisionResult, Outcome } from '../../decide/ports.ts';
import { createReceipt } from '../../decide/receipts/receipt.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { MemoryStore } from '../memory/memory-store.ts';
import { RefusalCacheStore } from './refusal-cache-store.ts';

const SECOND = 1_000_000;
const NOON = Date.UTC(2026, 2, 14, 12) * 1000;

function makeLimit(name: string, algorithm: CountedLimit['algorithm'], requests: number): CountedLimit {
  const limit = { name, requests, windowSeconds: 1, identity: `${name}/${algorithm}/1` };
  if (algorithm === 'token_bucket') return { ...limit, algorithm, burst: requests };
  return algorithm === 'calendar' ? { ...limit, algorithm, unit: 'hour' } : { ...limit, algorithm };
}

const burst = makeLimit('burst', 'sliding_window', 2);

function makeDecision(hits: number, limit = burst, subject = 'a'): Decision {
  return { charges: [{ subject, limit, hits }] };
}

/**
 * Opens a refusal cache over a store that takes `latency` µs to receive a call, and as long to answer it. Also returns
 * the decisions that reached the store, and `replies.held`, for which the store waits before it answers.
 */
function open(latency = 0) {
  const clock = { now: NOON };
  const memory = new MemoryStore({ now: () => clock.now, maxCounters: 1000, source: 'redis' });
  const received: Decision[] = [];
  const replies = { held: Promise.resolve() };
  const store: CounterStore = {
    decide: async (decisions) => {
      received.push(...decisions);
      clock.now += latency;
      const results = memory.decide(decisions);
      await replies.held;
      clock.now += latency;
      return results;
    },
    refund: (receipts) => memory.refund(receipts),
    correct: (corrections) => memory.correct(corrections),
  };
  const cache = new RefusalCacheStore({ store, now: () => clock.now });
  const decide = async (...decisions: readonly Decision[]) =>
    (await cache.decide(decisions, undefined)).map(requireOutcome);
  /** Decides one decision, and says how and where. */
  const report = async (decision: Decision) => {
    const [outcome] = await decide(decision);
    return `${outcome?.granted === true ? 'granted' : 'rejected'} by ${outcome?.source}`;
  };
  return { clock, received, replies, cache, decide, report };
}

function requireOutcome(result: DecisionResult | undefined): Outcome {
  if (result === undefined || result instanceof Error) throw result ?? new Error('no outcome');
  return result;
}

describe('a repeated rejection', () => {
  it('comes from the cache for 250 ms, with the waits that are left', async () => {
    const { clock, received, decide, report } = open();
    await decide(makeDecision(2), makeDecision(1));
    clock.now += 249_999;
    const [rejected] = await decide(makeDecision(1));
    expect(rejected).toEqual({
      granted: false,
      source: 'local',
      charges: [{ exceeded: true, remaining: 0, resetAfter: 750_001, freeAt: NOON + SECOND, retryAfter: 750_001 }],
    });
    expect(received).toHaveLength(2);
    clock.now += 1;
    expect(await report(makeDecision(1))).toBe('rejected by redis');
  });

  it('ends when the hits fit, counted from the earliest time at which the store may have decided', async () => {
    const { clock, decide, report } = open(1000);
    await decide(makeDecision(2)); // decided at 1 ms
    clock.now = NOON + 900_000;
    const [fromStore] = await decide(makeDecision(1)); // asked at 900 ms, decided at 901, reported at 902
    expect(fromStore?.charges[0]?.retryAfter).toBe(100_000);
    clock.now = NOON + 999_999;
    const [rejected] = await decide(makeDecision(1));
    expect(rejected?.source).toBe('local');
    // The hits fit 100 ms after the report at 902 ms: a caller who waits that long comes a ms late, and never early.
    expect(rejected?.charges[0]?.retryAfter).toBe(2001);
    clock.now = NOON + 1_000_000;
    expect(await report(makeDecision(1))).toBe('granted by redis');
  });

  it('ends with its block, as the next rejection begins another block in the store', async () => {
    const { clock, decide } = open();
    const blocking = { ...makeLimit('blocking', 'fixed_window', 1), windowSeconds: 3600, blockForSeconds: 1 };
    const decision = makeDecision(1, blocking);
    await decide(decision, decision);
    clock.now += 900_000;
    const [rejected] = await decide(decision);
    expect(rejected).toMatchObject({ source: 'redis', charges: [{ exceeded: true, blockedFor: 100_000 }] });
    clock.now += 99_999;
    expect((await decide(decision))[0]).toMatchObject({ source: 'local', charges: [{ blockedFor: 1 }] });
    clock.now += 1;
    const [next] = await decide(decision);
    expect(next).toMatchObject({ source: 'redis', charges: [{ exceeded: true, blockedFor: 1_000_000 }] });
  });

  it('does not answer for other hits, settlements, peeks, other limits or other subjects', async () => {
    const { decide, report } = open();
    const five = makeLimit('five', 'sliding_window', 5);
    await decide(makeDecision(4, five), makeDecision(3, five));
    expect(await report(makeDecision(3, five))).toBe('rejected by local');
    expect(await report(makeDecision(1, five))).toBe('granted by redis');
    await decide(makeDecision(3, five));
    const settlement: Charge = { subject: 'a', limit: five, hits: 3, isSettlement: true };
    for (const other of [
      makeDecision(0, five),
      makeDecision(3, { ...five, requests: 9 }),
      makeDecision(3, five, 'b'),
      { charges: [settlement] },
    ]) {
      expect(await report(other)).toBe('granted by redis');
    }
  });

  it('is always left to the store where it is charged, whichever limit of the decision rejects', async () => {
    const { clock, decide, report } = open();
    const owing: CountedLimit = { ...makeLimit('owing', 'sliding_window', 5), chargeRejected: true };
    for (let report = 0; report < 3; report++) {
      expect((await decide(makeDecision(4, owing)))[0]).toMatchObject({ source: 'redis', granted: report === 0 });
    }
    expect(await report(makeDecision(0, owing))).toBe('rejected by redis');
    clock.now += 2 * SECOND;
    await decide(makeDecision(2));
    const both = { charges: [...makeDecision(1).charges, ...makeDecision(1, owing).charges] };
    for (let call = 0; call < 3; call++) expect(await report(both)).toBe('rejected by redis');
    expect((await decide(makeDecision(0, owing)))[0]?.charges[0]?.remaining).toBe(2);
  });

  it('is always left to the store where a concurrency limit has no free slot', async () => {
    const { decide, report } = open();
    const slots = makeLimit('slots', 'concurrency', 1);
    await decide(makeDecision(1, slots), makeDecision(1, slots));
    expect(await report(makeDecision(1, slots))).toBe('rejected by redis');
  });

  it('needs every other charge of the decision to be cached', async () => {
    const { decide, report } = open();
    const hour = makeLimit('hour', 'calendar', 100);
    const both = { charges: [makeDecision(1), makeDecision(1, hour)].flatMap(({ charges }) => charges) };
    await decide(makeDecision(2), makeDecision(1));
    expect(await report(both)).toBe('rejected by redis');
    const [rejected] = await decide(both);
    expect(rejected?.source).toBe('local');
    expect(rejected?.charges.map(({ exceeded, remaining }) => [exceeded, remaining])).toEqual([
      [true, 0],
      [false, 100],
    ]);
  });

  it('is not cached for a decision that names one counter twice', async () => {
    const { decide, report } = open();
    await decide(makeDecision(1));
    const twice = { charges: [...makeDecision(1).charges, ...makeDecision(1).charges] };
    await decide(twice);
    expect(await report(twice)).toBe('rejected by redis');
    expect(await report(makeDecision(1))).toBe('granted by redis');
  });

  it('is dropped when hits of its counter are refunded', async () => {
    const { cache, decide, report } = open();
    const [granted] = await decide(makeDecision(2));
    await decide(makeDecision(1));
    expect(await report(makeDecision(1))).toBe('rejected by local');
    await cache.refund([createReceipt(undefined, makeDecision(2).charges, requireOutcome(granted))]);
    expect(await report(makeDecision(1))).toBe('granted by redis');
  });

  it('is dropped when its counter is corrected', async () => {
    const { cache, decide, report } = open();
    await decide(makeDecision(2), makeDecision(1));
    expect(await report(makeDecision(1))).toBe('rejected by local');
    await cache.correct([{ subject: 'a', limit: { ...burst }, change: { kind: 'reset' } }]);
    expect(await report(makeDecision(1))).toBe('granted by redis');
  });

  it('is not cached when hits were refunded while its reply was on the way', async () => {
    const { cache, replies, decide, report } = open();
    const [granted] = await decide(makeDecision(2));
    const { promise, resolve } = Promise.withResolvers<void>();
    replies.held = promise;
    const onItsWay = decide(makeDecision(1));
    await cache.refund([createReceipt(undefined, makeDecision(2).charges, requireOutcome(granted))]);
    resolve();
    expect((await onItsWay)[0]?.granted).toBe(false);
    expect(await report(makeDecision(1))).toBe('granted by redis');
  });

  it('is cached for a bounded number of subjects, the latest ones', async () => {
    const { decide, report } = open();
    const one = makeLimit('one', 'sliding_window', 1);
    await decide(...Array.from({ length: 25_000 }, (_, index) => makeDecision(2, one, `subject${index}`)));
    expect(await report(makeDecision(2, one, 'subject24999'))).toBe('rejected by local');
    expect(await report(makeDecision(2, one, 'subject0'))).toBe('rejected by redis');
  });
});

describe('a refusal cache', () => {
  const limits = [
    burst,
    makeLimit('five', 'fixed_window', 5),
    makeLimit('steady', 'token_bucket', 3),
    makeLimit('hour', 'calendar', 40),
    makeLimit('slots', 'concurrency', 3),
    { ...makeLimit('blocking', 'sliding_window', 3), blockForSeconds: 2 },
    { ...makeLimit('owing', 'sliding_window', 3), chargeRejected: true } as const,
  ];
  const charges = fc.record<Charge>({
    subject: fc.constantFrom('a', 'b'),
    limit: fc.constantFrom(...limits),
    hits: fc.constantFrom(0, 1, 1, 1, 2, 2, 3),
    isSettlement: fc.nat({ max: 9 }).map((chance) => chance === 0),
  });
  const steps = fc.record({
    wait: fc.constantFrom(0, 0, 0, 1, 1000, 1000, 30_000, 30_000, 249_999, 250_000, SECOND),
    which: fc.nat({ max: 2 }),
    refundsLast: fc.constantFrom(false, false, false, true),
  });
  /** Few decisions, often repeated. */
  const traces = fc.record({
    decisions: fc.array(fc.array(charges, { minLength: 1, maxLength: 3 }), { minLength: 3, maxLength: 3 }),
    steps: fc.array(steps, { minLength: 20, maxLength: 80, size: 'max' }),
  });

  it('grants exactly what its store would grant, and never reports a longer wait', async () => {
    let repeated = 0;
    await fc.assert(
      fc.asyncProperty(traces, async ({ decisions, steps: trace }) => {
        const { clock, cache, decide } = open();
        const plain = new MemoryStore({ now: () => clock.now, maxCounters: 1000, source: 'redis' });
        let last: { charges: readonly Charge[]; outcome: Outcome } | undefined;
        for (const { wait, which, refundsLast } of trace) {
          const asked = decisions[which] ?? [];
          clock.now += wait;
          if (refundsLast && last !== undefined) {
            const receipt = createReceipt(undefined, last.charges, last.outcome);
            last = undefined;
            expect(await cache.refund([receipt])).toEqual(await plain.refund([receipt]));
          }
          const [outcome] = await decide({ charges: asked });
          const expected = requireOutcome(plain.decide([{ charges: asked }])[0]);
          expect(outcome?.granted).toBe(expected.granted);
          if (outcome?.granted === true) last = { charges: asked, outcome };
          if (outcome?.source !== 'local') continue;
          repeated++;
          for (const [index, { retryAfter }] of outcome.charges.entries()) {
            const maxWait = expected.charges[index]?.retryAfter ?? Number.POSITIVE_INFINITY;
            expect(retryAfter ?? 0).toBeLessThanOrEqual(maxWait);
          }
        }
      }),
      { numRuns: 1000 },
    );
    expect(repeated).toBeGreaterThan(2000);
  });
});
