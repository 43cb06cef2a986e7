import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { charge, emptyTally, timeOf, usedAt, waitFor, waitForAll } from '../../src/core/tally.ts';
import { termOf } from '../../src/core/term.ts';
import { openMemory, openRedis } from './clocked-stores.ts';
import type { ClockedStore } from './counter-store-contract.ts';
import { chargeOf, limitOf, NOON, SECOND, waits } from './traces.ts';

const limits = [
  limitOf(3, '60s'),
  limitOf(64, '60s'),
  limitOf(65, '60s'),
  limitOf(300, '60s'),
  limitOf(70_000, '60s'),
  limitOf(20, '2h'),
  limitOf(5, '1h', 'calendar'),
];

const steps = fc.array(
  fc.record({
    wait: waits(60),
    batch: fc.array(
      fc.array(
        fc.record({
          subject: fc.constantFrom('a', 'b'),
          limit: fc.constantFrom(...limits),
          hits: fc.constantFrom(0, 1, 1, 1, 3, 60, 299, 69_000),
        }),
        { maxLength: 3 },
      ),
      { maxLength: 6 },
    ),
  }),
  { maxLength: 40 },
);

const SLIDING = limits.slice(0, 5);

const clockSteps = fc.array(
  fc.record({
    wait: fc.oneof(
      { weight: 4, arbitrary: waits(60) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(-1, -1000, -3 * SECOND, -30 * SECOND, -61 * SECOND, 5000 * SECOND, -5000 * SECOND),
      },
    ),
    limit: fc.constantFrom(...SLIDING),
    hits: fc.constantFrom(0, 1, 1, 1, 3, 60, 299, 69_000),
  }),
  { maxLength: 40 },
);

describe('Redis and memory', () => {
  let memory: ClockedStore;
  let redis: ClockedStore;
  beforeAll(async () => {
    memory = await openMemory();
    redis = await openRedis();
  });
  afterAll(() => Promise.all([memory.close(), redis.close()]));

  it('give the same outcomes on the same trace, with changing limits', async () => {
    let traces = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (trace) => {
        traces++;
        let now = NOON;
        for (const { wait, batch } of trace) {
          now += wait;
          await Promise.all([memory.setClock(now), redis.setClock(now)]);
          const decisions = batch.map((charges) => ({
            charges: charges.map(({ subject, limit, hits }) => chargeOf(`${traces}|${subject}`, limit, hits)),
          }));
          const [ours, theirs] = await Promise.all([memory.store.decide(decisions), redis.store.decide(decisions)]);
          expect(theirs.map(({ granted, charges }) => ({ granted, charges }))).toEqual(
            ours.map(({ granted, charges }) => ({ granted, charges })),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  it('do the same arithmetic when the clock steps: Redis against core/tally.ts', async () => {
    let traces = 0;
    await fc.assert(
      fc.asyncProperty(clockSteps, async (trace) => {
        traces++;
        const tally = emptyTally();
        let now = NOON;
        for (const { wait, limit, hits } of trace) {
          now += wait;
          await redis.setClock(now);
          const [outcome] = await redis.store.decide([{ charges: [chargeOf(`steps|${traces}`, limit, hits)] }]);
          const time = timeOf(tally, termOf(limit), now);
          const isGranted = usedAt(tally, time) + hits <= limit.requests;
          if (isGranted && hits > 0) charge(tally, termOf(limit), time, hits);
          const remaining = Math.max(0, limit.requests - usedAt(tally, time));
          const resetAfter = waitForAll(tally, time, now);
          expect(outcome).toMatchObject({ granted: isGranted, charges: [{ remaining, resetAfter }] });
          expect(outcome?.charges[0]?.retryAfter).toBe(
            isGranted ? undefined : waitFor(tally, limit.requests, hits, now),
          );
        }
      }),
      { numRuns: 500 },
    );
  });
});
