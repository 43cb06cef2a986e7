import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Decision, type DecisionResult, type Receipt, StoreUnavailable } from '../../../src/decide/ports.ts';
import { createReceipt } from '../../../src/decide/receipts/receipt.ts';
import type { CountedLimit } from '../../../src/domain/limits/limit.ts';
import { openMemory, openRedis } from '../contract/clocked-stores.ts';
import type { ClockedStore } from '../contract/store-harness.ts';
import { makeCalendarLimit, makeCharge, makeCredits, makeLimit, makeSettlement, NOON } from '../model/builders.ts';
import { PureCounter } from '../model/pure-counter.ts';
import { randomCharges, randomCorrections, randomWaits } from '../model/random-decisions.ts';
import { clockStepsBack, waits } from '../model/traces.ts';

const SEED = 20_261_121;

const subjects = fc.constantFrom('a', 'b');
const steps = fc.record({
  wait: randomWaits,
  batch: fc.array(fc.record({ subject: subjects, charges: fc.array(randomCharges, { maxLength: 3, size: 'max' }) }), {
    maxLength: 6,
    size: 'max',
  }),
  /** Selects grants so far to be refunded, with or without the id of the receipt. Some are refunded repeatedly. */
  refunds: fc.array(fc.record({ grant: fc.nat(30), hasId: fc.boolean() }), { maxLength: 3, size: 'max' }),
  /** Rare: with few subjects, more corrections would undo most of the trace. */
  corrections: fc
    .array(fc.record({ subject: subjects, correction: randomCorrections }), { maxLength: 3 })
    .chain((some) => fc.constantFrom([], [], [], some)),
});

/** Limits for traces in which the clock steps. Each has a counter of its own. */
const steppedLimits = [
  makeLimit(3, '60s'),
  makeLimit(64, '60s', { name: 'full' }),
  makeLimit(300, '60s', { name: 'large', blockForSeconds: 30 }),
  makeLimit(5, '60s', { algorithm: 'fixed_window' }),
  makeLimit(7, '60s', { algorithm: 'token_bucket', burst: 3 }),
  makeLimit(5, '60s', { algorithm: 'concurrency', blockForSeconds: 100 }),
  makeCalendarLimit(5, 'hour'),
  makeLimit(5, '60s', { name: 'owing', chargeRejected: true }),
  makeCredits(300),
  makeCredits(5, { name: 'owed', chargeRejected: true }),
  makeLimit(7, '60s', { algorithm: 'token_bucket', burst: 3, name: 'owing', chargeRejected: true }),
];

const clockSteps = fc.record({
  wait: fc.oneof({ weight: 4, arbitrary: waits(60) }, { weight: 1, arbitrary: clockStepsBack(60) }),
  limit: fc.constantFrom(...steppedLimits),
  hits: fc.constantFrom(0, 1, 1, 1, 3, 60, 299),
  isSettlement: fc.constantFrom(false, false, false, false, true),
});

describe('the Redis store', () => {
  let memory: ClockedStore;
  let redis: ClockedStore;
  beforeAll(async () => {
    memory = await openMemory();
    redis = await openRedis();
  });
  afterAll(() => Promise.all([memory.close(), redis.close()]));

  it('decides and refunds like the memory store, on traces of all algorithms with changing limits', async () => {
    let traces = 0;
    const property = fc.asyncProperty(fc.array(steps, { maxLength: 40, size: 'max' }), async (trace) => {
      traces++;
      const prefix = `equal|${traces}`;
      const receipts: Receipt[] = [];
      let now = NOON;
      for (const { wait, batch, refunds, corrections } of trace) {
        now += wait;
        await Promise.all([memory.setClock(now), redis.setClock(now)]);
        const decisions = batch.map(({ subject, charges }) => ({
          charges: charges.map((charge) => ({ ...charge, subject: `${prefix}|${subject}` })),
        }));
        const [inMemory, inRedis] = await Promise.all([
          memory.store.decide(decisions, undefined),
          redis.store.decide(decisions, undefined),
        ]);
        expect(inRedis).toEqual(inMemory.map((outcome) => ({ ...outcome, source: 'redis' })));
        receipts.push(...createReceipts(`${prefix}|${receipts.length}`, decisions, inMemory));
        const presented = refunds.flatMap(({ grant, hasId }) => {
          const receipt = receipts[grant % Math.max(1, receipts.length)];
          return receipt === undefined ? [] : [hasId ? receipt : { ...receipt, id: undefined }];
        });
        const refundedInMemory = await memory.store.refund(presented);
        expect(await redis.store.refund(presented)).toEqual(refundedInMemory);
        const changes = corrections.map(({ subject, correction }) => {
          return { ...correction, subject: `${prefix}|${subject}` };
        });
        await memory.store.correct(changes);
        for (const correction of changes) expect(await redis.store.correct([correction])).toEqual([undefined]);
      }
    });
    await fc.assert(property, { numRuns: 300, seed: SEED });
  }, 300_000);

  it('does the arithmetic of src/domain/counting/counter.ts while the clock steps', async () => {
    let traces = 0;
    const property = fc.asyncProperty(fc.array(clockSteps, { maxLength: 40, size: 'max' }), async (trace) => {
      traces++;
      const counters = new Map<CountedLimit, PureCounter>();
      let now = NOON;
      for (const { wait, limit, hits, isSettlement } of trace) {
        now += wait;
        await redis.setClock(now);
        const subject = `steps|${traces}|${steppedLimits.indexOf(limit)}`;
        const counter = counters.get(limit)?.copy() ?? new PureCounter();
        if (isSettlement && hits > 0) {
          const [outcome] = await redis.store.decide([{ charges: [makeSettlement(subject, limit, hits)] }], undefined);
          const resetAfter = counter.settle(limit, now, hits);
          expect(outcome).toMatchObject({ granted: true, charges: [{ exceeded: false, resetAfter }] });
          counters.set(limit, counter);
          continue;
        }
        const [outcome] = await redis.store.decide([{ charges: [makeCharge(subject, limit, hits)] }], undefined);
        const { granted, available, resetAfter, retryAfter, blockedFor, isChanged } = counter.request(limit, now, hits);
        const expected = {
          exceeded: !granted,
          remaining: Math.max(0, available),
          resetAfter,
          freeAt: now + resetAfter,
          retryAfter: limit.algorithm === 'concurrency' ? undefined : retryAfter,
          blockedFor,
        };
        expect(outcome).toEqual({ granted, source: 'redis', charges: [expected] });
        if (isChanged) counters.set(limit, counter);
      }
    });
    await fc.assert(property, { numRuns: 500, seed: SEED });
  }, 300_000);
});

/** Creates the receipts of the decisions that were granted. */
function createReceipts(
  name: string,
  decisions: readonly Decision[],
  results: readonly DecisionResult[],
): readonly Receipt[] {
  return results.flatMap((result, index) => {
    if (result instanceof StoreUnavailable || !result.granted) return [];
    return createReceipt(`${name}|${index}`, decisions[index]?.charges ?? [], result);
  });
}
