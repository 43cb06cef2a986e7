import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Decision, type Outcome, type Receipt, StoreUnavailable } from '../../../src/decide/ports.ts';
import { createReceipt } from '../../../src/decide/receipts/receipt.ts';
import type { CountedLimit } from '../../../src/domain/limits/limit.ts';
import { openMemory, openRedis } from '../contract/clocked-stores.ts';
import type { ClockedStore } from '../contract/store-harness.ts';
import { PureCounter } from '../model/pure-counter.ts';
import {
  clockStepsBack,
  makeCalendarLimit,
  makeCharge,
  makeLimit,
  makeSettlement,
  NOON,
  waits,
} from '../model/traces.ts';
import { anyChange, anyCharge, waitsOf } from './random-decisions.ts';

const SEED = 20_261_121;

const step = fc.record({
  wait: waitsOf,
  batch: fc.array(
    fc.record({ subject: fc.constantFrom('a', 'b'), charges: fc.array(anyCharge, { maxLength: 3, size: 'max' }) }),
    { maxLength: 6, size: 'max' },
  ),
  /** Which of the grants so far are given back; some of them again. */
  givenBack: fc.array(fc.record({ grant: fc.nat(30), isNamed: fc.boolean() }), { maxLength: 3, size: 'max' }),
  /** Now and then, what is done to counters by hand; there are few subjects, so that it is felt. */
  corrected: fc
    .array(fc.record({ subject: fc.constantFrom('a', 'b'), charge: anyCharge, change: anyChange }), { maxLength: 3 })
    .chain((some) => fc.constantFrom([], [], [], some)),
});

/** The same limits under steps of the clock, each with a counter of its own. */
const steppedLimits = [
  makeLimit(3, '60s'),
  makeLimit(64, '60s', { name: 'full' }),
  makeLimit(300, '60s', { name: 'large', blockForSeconds: 30 }),
  makeLimit(5, '60s', { algorithm: 'fixed_window' }),
  makeLimit(7, '60s', { algorithm: 'token_bucket', burst: 3 }),
  makeLimit(5, '60s', { algorithm: 'concurrency', blockForSeconds: 100 }),
  makeCalendarLimit(5, 'hour'),
];

const clockStep = fc.record({
  wait: fc.oneof({ weight: 4, arbitrary: waits(60) }, { weight: 1, arbitrary: clockStepsBack(60) }),
  limit: fc.constantFrom(...steppedLimits),
  hits: fc.constantFrom(0, 1, 1, 1, 3, 60, 299),
  settles: fc.constantFrom(false, false, false, false, true),
});

describe('Redis and memory', () => {
  let memory: ClockedStore;
  let redis: ClockedStore;
  beforeAll(async () => {
    memory = await openMemory();
    redis = await openRedis();
  });
  afterAll(() => Promise.all([memory.close(), redis.close()]));

  it('give the same outcomes and free the same on the same trace of all algorithms, with changing limits', async () => {
    let traces = 0;
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (trace) => {
      traces++;
      const name = `equal|${traces}`;
      const receipts: Receipt[] = [];
      let now = NOON;
      for (const { wait, batch, givenBack, corrected } of trace) {
        now += wait;
        await Promise.all([memory.setClock(now), redis.setClock(now)]);
        const decisions = batch.map(({ subject, charges }) => ({
          charges: charges.map((each) => ({ ...each, subject: `${name}|${subject}` })),
        }));
        const [ours, theirs] = await Promise.all([memory.store.decide(decisions), redis.store.decide(decisions)]);
        expect(theirs).toEqual(ours.map((outcome) => ({ ...outcome, source: 'redis' })));
        receipts.push(...receiptsOf(`${name}|${receipts.length}`, decisions, ours));
        const given = givenBack.flatMap(({ grant, isNamed }) => {
          const receipt = receipts[grant % Math.max(1, receipts.length)];
          return receipt === undefined ? [] : [isNamed ? receipt : { ...receipt, id: undefined }];
        });
        const [freed, freedThere] = [await memory.store.refund(given), await redis.store.refund(given)];
        expect(freedThere).toEqual(freed);
        const corrections = corrected.map(({ subject, charge: { limit }, change }) => {
          return { subject: `${name}|${subject}`, limit, change };
        });
        await memory.store.correct(corrections);
        for (const each of corrections) expect(await redis.store.correct([each])).toEqual([undefined]);
      }
    });
    await fc.assert(property, { numRuns: 300, seed: SEED });
  }, 300_000);

  it('do the same arithmetic when the clock steps: Redis against core/limits/counter.ts', async () => {
    let traces = 0;
    const property = fc.asyncProperty(fc.array(clockStep, { maxLength: 40, size: 'max' }), async (trace) => {
      traces++;
      const counters = new Map<CountedLimit, PureCounter>();
      let now = NOON;
      for (const { wait, limit, hits, settles } of trace) {
        now += wait;
        await redis.setClock(now);
        const subject = `steps|${traces}|${steppedLimits.indexOf(limit)}`;
        const counter = counters.get(limit)?.copy() ?? new PureCounter();
        if (settles && hits > 0) {
          const [outcome] = await redis.store.decide([{ charges: [makeSettlement(subject, limit, hits)] }]);
          const resetAfter = counter.settle(limit, now, hits);
          expect(outcome).toMatchObject({ granted: true, charges: [{ exceeded: false, resetAfter }] });
          counters.set(limit, counter);
          continue;
        }
        const [outcome] = await redis.store.decide([{ charges: [makeCharge(subject, limit, hits)] }]);
        const { granted, available, resetAfter, retryAfter, blockedFor, isChanged } = counter.request(limit, now, hits);
        const remaining = Math.max(0, available);
        const promised = limit.algorithm === 'concurrency' ? undefined : retryAfter;
        const told = { exceeded: !granted, remaining, resetAfter, freeAt: now + resetAfter, retryAfter: promised };
        expect(outcome).toEqual({ granted, source: 'redis', charges: [{ ...told, blockedFor }] });
        if (isChanged) counters.set(limit, counter);
      }
    });
    await fc.assert(property, { numRuns: 500, seed: SEED });
  }, 300_000);
});

/** Of those that were granted. */
function receiptsOf(
  name: string,
  decisions: readonly Decision[],
  outcomes: readonly (Outcome | StoreUnavailable)[],
): readonly Receipt[] {
  return outcomes.flatMap((outcome, place) => {
    if (outcome instanceof StoreUnavailable || !outcome.granted) return [];
    return createReceipt(`${name}|${place}`, decisions[place]?.charges ?? [], outcome);
  });
}
