import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CountedLimit } from '../../../src/domain/limits/limit.ts';
import { openMemory, openRedis } from '../contract/clocked-stores.ts';
import type { ClockedStore } from '../contract/store-harness.ts';
import { makeCalendarLimit, makeLimit, NOON, SECOND } from '../model/builders.ts';
import { randomChanges, type SubjectlessCharge } from '../model/random-decisions.ts';
import { waits } from '../model/traces.ts';

const SEED = 20_261_121;

/** Limits as plans have them: charged together for one subject, and so large that most charges only add hits. */
const large = makeLimit(200, '60s');
const plan = [
  large,
  makeLimit(90, '60s', { algorithm: 'fixed_window', name: 'fixed' }),
  makeCalendarLimit(400, 'hour'),
];
const alone = [makeLimit(100, '60s', { name: 'alone' })];
const blocking = [makeLimit(80, '60s', { name: 'blocking', blockForSeconds: 20 })];
const bucket = makeLimit(300, '60s', { algorithm: 'token_bucket', burst: 100, name: 'bucket' });
const owing = [
  makeLimit(60, '60s', { algorithm: 'fixed_window', name: 'owing', chargeRejected: true }),
  makeLimit(90, '60s', { name: 'owing', chargeRejected: true }),
  makeLimit(80, '60s', { name: 'free' }),
];
/** The counters of the plan under changed limits. The second list counts by exact times. */
const changedPlans = [[makeLimit(220, '60s'), ...plan.slice(1)], [makeLimit(60, '60s'), ...plan.slice(1)], [large]];
/** The counters of the plan in another order, only some of them, or together with others. */
const unusualPlans = [[...plan].reverse(), plan.slice(1), [...plan, bucket], [bucket], [...plan, ...blocking]];

type Charges = readonly SubjectlessCharge[];

/** Draws a number of hits, and charges it to each of the limits. */
function chargeEach(limits: readonly CountedLimit[], hitCounts: fc.Arbitrary<number>): fc.Arbitrary<Charges> {
  return hitCounts.map((hits) => limits.map((limit) => ({ limit, hits })));
}

const fewHits = fc.constantFrom(1, 1, 1, 2, 5, 30);
const randomCharges: fc.Arbitrary<Charges> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(plan, alone, blocking, owing).chain((limits) => chargeEach(limits, fewHits)),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...changedPlans, ...unusualPlans).chain((limits) => chargeEach(limits, fewHits)),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(plan, alone)
      .map((limits) => limits.map((limit, index): SubjectlessCharge => ({ limit, hits: index }))),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(plan, alone)
      .map((limits) => limits.map((limit): SubjectlessCharge => ({ limit, hits: 50, isSettlement: true }))),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(plan, alone)
      .map((limits) => limits.map((limit): SubjectlessCharge => ({ limit, hits: 1, spentWithinMicros: SECOND }))),
  },
);

/** With two subjects, a decision charges all limits for both of them, or is split: each limit is charged for one. */
const randomDecisions = fc.record({
  subjects: fc.constantFrom(['a'], ['a'], ['a'], ['b'], ['b'], ['a', 'b'], ['c', 'a']),
  isSplit: fc.constantFrom(false, false, true),
  charges: randomCharges,
});

const steps = fc.record({
  wait: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 2 * SECOND }) },
    { weight: 1, arbitrary: waits(60) },
  ),
  batch: fc.array(randomDecisions, { maxLength: 12, size: 'max' }),
  corrected: fc.constantFrom(undefined, undefined, undefined, undefined, 'a', 'b'),
  change: randomChanges,
});

describe('a trace in which most charges only add hits', () => {
  let memory: ClockedStore;
  let redis: ClockedStore;
  beforeAll(async () => {
    memory = await openMemory();
    redis = await openRedis();
  });
  afterAll(() => Promise.all([memory.close(), redis.close()]));

  it('has the same outcomes in Redis and in memory', async () => {
    let traces = 0;
    const property = fc.asyncProperty(fc.array(steps, { maxLength: 30, size: 'max' }), async (trace) => {
      traces++;
      const prefix = `plain|${traces}`;
      let now = NOON;
      for (const { wait, batch, corrected, change } of trace) {
        now += wait;
        await Promise.all([memory.setClock(now), redis.setClock(now)]);
        const decisions = batch.map(({ subjects, isSplit, charges }) => ({
          charges: subjects.flatMap((subject, turn) =>
            charges
              .filter((_, index) => !isSplit || index % subjects.length === turn)
              .map((charge) => ({ ...charge, subject: `${prefix}|${subject}` })),
          ),
        }));
        const [inMemory, inRedis] = await Promise.all([
          memory.store.decide(decisions, undefined),
          redis.store.decide(decisions, undefined),
        ]);
        expect(inRedis).toEqual(inMemory.map((outcome) => ({ ...outcome, source: 'redis' })));
        if (corrected === undefined) continue;
        const correction = { subject: `${prefix}|${corrected}`, limit: large, change };
        await memory.store.correct([correction]);
        expect(await redis.store.correct([correction])).toEqual([undefined]);
      }
    });
    await fc.assert(property, { numRuns: 300, seed: SEED });
  }, 300_000);
});
