import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Charge } from '../../../src/decide/ports.ts';
import type { CountedLimit } from '../../../src/domain/limits/limit.ts';
import { openMemory, openRedis } from '../contract/clocked-stores.ts';
import type { ClockedStore } from '../contract/store-harness.ts';
import { makeCalendarLimit, makeLimit, NOON, SECOND, waits } from '../model/traces.ts';
import { anyChange } from './random-decisions.ts';

const SEED = 20_261_121;

/** As plans have them: of one subject, charged together, and so large that most charges only add hits. */
const large = makeLimit(200, '60s');
const plan = [
  large,
  makeLimit(90, '60s', { algorithm: 'fixed_window', name: 'fixed' }),
  makeCalendarLimit(400, 'hour'),
];
const alone = [makeLimit(100, '60s', { name: 'alone' })];
const blocking = [makeLimit(80, '60s', { name: 'blocking', blockForSeconds: 20 })];
const bucket = makeLimit(300, '60s', { algorithm: 'token_bucket', burst: 100, name: 'bucket' });
/** The same counters under changed limits; the second one counts by exact times. */
const changed = [[makeLimit(220, '60s'), ...plan.slice(1)], [makeLimit(60, '60s'), ...plan.slice(1)], [large]];
/** What has the counters of the plan in another order, only some of them, or others beside them. */
const unusual = [[...plan].reverse(), plan.slice(1), [...plan, bucket], [bucket], [...plan, ...blocking]];

type Subjectless = readonly Omit<Charge, 'subject'>[];

function chargesOf(limits: readonly CountedLimit[], hits: fc.Arbitrary<number>): fc.Arbitrary<Subjectless> {
  return hits.map((each) => limits.map((limit) => ({ limit, hits: each })));
}

const few = fc.constantFrom(1, 1, 1, 2, 5, 30);
const charges: fc.Arbitrary<Subjectless> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(plan, alone, blocking).chain((limits) => chargesOf(limits, few)) },
  { weight: 2, arbitrary: fc.constantFrom(...changed, ...unusual).chain((limits) => chargesOf(limits, few)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(plan, alone).map((limits) => limits.map((limit, place) => ({ limit, hits: place }))),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(plan, alone)
      .map((limits) => limits.map((limit) => ({ limit, hits: 50, isSettlement: true }))),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(plan, alone)
      .map((limits) => limits.map((limit) => ({ limit, hits: 1, spentWithinMicros: SECOND }))),
  },
);

/** `b` has counters of its own; a decision may charge those of both, or some of one and some of the other. */
const decision = fc.record({
  subjects: fc.constantFrom(['a'], ['a'], ['a'], ['b'], ['b'], ['a', 'b'], ['c', 'a']),
  isSplit: fc.constantFrom(false, false, true),
  charges,
});

const step = fc.record({
  wait: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 2 * SECOND }) },
    { weight: 1, arbitrary: waits(60) },
  ),
  batch: fc.array(decision, { maxLength: 12, size: 'max' }),
  corrected: fc.constantFrom(undefined, undefined, undefined, undefined, 'a', 'b'),
  change: anyChange,
});

describe('charges that only add hits, among others', () => {
  let memory: ClockedStore;
  let redis: ClockedStore;
  beforeAll(async () => {
    memory = await openMemory();
    redis = await openRedis();
  });
  afterAll(() => Promise.all([memory.close(), redis.close()]));

  it('come to the same in Redis and in memory', async () => {
    let traces = 0;
    const property = fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async (trace) => {
      traces++;
      const name = `plain|${traces}`;
      let now = NOON;
      for (const { wait, batch, corrected, change } of trace) {
        now += wait;
        await Promise.all([memory.setClock(now), redis.setClock(now)]);
        const decisions = batch.map(({ subjects, isSplit, charges: asked }) => ({
          charges: subjects.flatMap((each, turn) =>
            asked
              .filter((_, place) => !isSplit || place % subjects.length === turn)
              .map((charge) => ({ ...charge, subject: `${name}|${each}` })),
          ),
        }));
        const [ours, theirs] = await Promise.all([memory.store.decide(decisions), redis.store.decide(decisions)]);
        expect(theirs).toEqual(ours.map((outcome) => ({ ...outcome, source: 'redis' })));
        if (corrected === undefined) continue;
        const correction = { subject: `${name}|${corrected}`, limit: large, change };
        await memory.store.correct([correction]);
        expect(await redis.store.correct([correction])).toEqual([undefined]);
      }
    });
    await fc.assert(property, { numRuns: 300, seed: SEED });
  }, 300_000);
});
