import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Charge, CounterStore, Decision, Outcome, StoreUnavailable } from '../../decide/ports.ts';
import { createReceipt } from '../../decide/receipts/receipt.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { MemoryStore } from '../memory/memory-store.ts';
import { RefusalCacheStore } from './refusal-cache-store.ts';

const SECOND = 1_000_000;
const NOON = Date.UTC(2026, 2, 14, 12) * 1000;

function named(name: string, algorithm: CountedLimit['algorithm'], requests: number): CountedLimit {
  const limit = { name, requests, windowSeconds: 1, identity: `${name}/${algorithm}/1` };
  if (algorithm === 'token_bucket') return { ...limit, algorithm, burst: requests };
  return algorithm === 'calendar' ? { ...limit, algorithm, unit: 'hour' } : { ...limit, algorithm };
}

const burst = named('burst', 'sliding_window', 2);

function asks(hits: number, limit = burst, subject = 'a'): Decision {
  return { charges: [{ subject, limit, hits }] };
}

/** A store that takes `latency` µs to and fro, what it was asked, and LocalRefusal before it. */
function open(latency = 0) {
  const clock = { now: NOON };
  const memory = new MemoryStore({ now: () => clock.now, mostCounters: 1000, source: 'redis' });
  const asked: Decision[] = [];
  const replies = { held: Promise.resolve() };
  const store: CounterStore = {
    decide: async (decisions) => {
      asked.push(...decisions);
      clock.now += latency;
      const outcomes = await memory.decide(decisions);
      await replies.held;
      clock.now += latency;
      return outcomes;
    },
    refund: (receipts) => memory.refund(receipts),
    correct: (corrections) => memory.correct(corrections),
  };
  const refusing = new RefusalCacheStore({ store, now: () => clock.now });
  const decide = async (...decisions: readonly Decision[]) => (await refusing.decide(decisions)).map(toldBy);
  return { clock, asked, replies, refusing, decide };
}

function toldBy(outcome: Outcome | StoreUnavailable | undefined): Outcome {
  if (outcome === undefined || outcome instanceof Error) throw outcome ?? new Error('no outcome');
  return outcome;
}

async function sourceOf(decide: (decision: Decision) => Promise<readonly Outcome[]>, decision: Decision) {
  const [outcome] = await decide(decision);
  return `${outcome?.granted === true ? 'granted' : 'refused'} by ${outcome?.source}`;
}

describe('a refusal that is repeated', () => {
  it('is made here for 250 ms, with the waits that are left', async () => {
    const { clock, asked, decide } = open();
    await decide(asks(2), asks(1));
    clock.now += 249_999;
    const [refused] = await decide(asks(1));
    expect(refused).toEqual({
      granted: false,
      source: 'local',
      charges: [{ exceeded: true, remaining: 0, resetAfter: 750_001, freeAt: NOON + SECOND, retryAfter: 750_001 }],
    });
    expect(asked).toHaveLength(2);
    clock.now += 1;
    expect(await sourceOf(decide, asks(1))).toBe('refused by redis');
  });

  it('ends when the hits fit, by the earliest moment at which the store may have decided', async () => {
    const { clock, decide } = open(1000);
    await decide(asks(2)); // at 1 ms
    clock.now = NOON + 900_000;
    const [{ charges: [told] = [] } = { charges: [] }] = await decide(asks(1)); // asked at 900 ms, decided at 901
    expect(told?.retryAfter).toBe(100_000);
    clock.now = NOON + 999_999;
    const [refused] = await decide(asks(1));
    expect(refused?.source).toBe('local');
    // Told at 902 ms that it fits in 100 ms: who now comes back in time comes a ms late, and not early.
    expect(refused?.charges[0]?.retryAfter).toBe(2001);
    clock.now = NOON + 1_000_000;
    expect(await sourceOf(decide, asks(1))).toBe('granted by redis');
  });

  it('ends with a block, behind which the next refusal begins another one', async () => {
    const { clock, decide } = open();
    const blocking = { ...named('blocking', 'fixed_window', 1), windowSeconds: 3600, blockForSeconds: 1 };
    await decide(asks(1, blocking), asks(1, blocking));
    clock.now += 900_000;
    const [refused] = await decide(asks(1, blocking));
    expect(refused).toMatchObject({ source: 'redis', charges: [{ exceeded: true, blockedFor: 100_000 }] });
    clock.now += 99_999;
    expect((await decide(asks(1, blocking)))[0]).toMatchObject({ source: 'local', charges: [{ blockedFor: 1 }] });
    clock.now += 1;
    const [next] = await decide(asks(1, blocking));
    expect(next).toMatchObject({ source: 'redis', charges: [{ exceeded: true, blockedFor: 1_000_000 }] });
  });

  it('is not made here for other hits, settlements, looks, other limits or other subjects', async () => {
    const { decide } = open();
    const five = named('five', 'sliding_window', 5);
    await decide(asks(4, five), asks(3, five));
    expect(await sourceOf(decide, asks(3, five))).toBe('refused by local');
    expect(await sourceOf(decide, asks(1, five))).toBe('granted by redis');
    await decide(asks(3, five));
    const settlement = { charges: [{ subject: 'a', limit: five, hits: 3, isSettlement: true }] };
    for (const other of [asks(0, five), asks(3, { ...five, requests: 9 }), asks(3, five, 'b'), settlement]) {
      expect(await sourceOf(decide, other)).toBe('granted by redis');
    }
  });

  it('is never made here for want of a slot', async () => {
    const { decide } = open();
    const slots = named('slots', 'concurrency', 1);
    await decide(asks(1, slots), asks(1, slots));
    expect(await sourceOf(decide, asks(1, slots))).toBe('refused by redis');
  });

  it('needs every other charge to be known', async () => {
    const { decide } = open();
    const hour = named('hour', 'calendar', 100);
    const both = { charges: [asks(1), asks(1, hour)].flatMap(({ charges }) => charges) };
    await decide(asks(2), asks(1));
    expect(await sourceOf(decide, both)).toBe('refused by redis');
    const [refused] = await decide(both);
    expect(refused?.source).toBe('local');
    expect(refused?.charges.map(({ exceeded, remaining }) => [exceeded, remaining])).toEqual([
      [true, 0],
      [false, 100],
    ]);
  });

  it('is not learned from a decision that asks one counter twice', async () => {
    const { decide } = open();
    await decide(asks(1));
    const twice = { charges: [...asks(1).charges, ...asks(1).charges] };
    await decide(twice);
    expect(await sourceOf(decide, twice)).toBe('refused by redis');
    expect(await sourceOf(decide, asks(1))).toBe('granted by redis');
  });

  it('is forgotten once hits are given back', async () => {
    const { refusing, decide } = open();
    const [granted] = await decide(asks(2));
    await decide(asks(1));
    expect(await sourceOf(decide, asks(1))).toBe('refused by local');
    await refusing.refund([createReceipt(undefined, asks(2).charges, toldBy(granted))]);
    expect(await sourceOf(decide, asks(1))).toBe('granted by redis');
  });

  it('is forgotten once the counter is changed by hand', async () => {
    const { decide, refusing } = open();
    await decide(asks(2), asks(1));
    expect(await sourceOf(decide, asks(1))).toBe('refused by local');
    await refusing.correct([{ subject: 'a', limit: { ...burst }, change: { kind: 'reset' } }]);
    expect(await sourceOf(decide, asks(1))).toBe('granted by redis');
  });

  it('is not learned when hits were given back while it was on its way', async () => {
    const { refusing, replies, decide } = open();
    const [granted] = await decide(asks(2));
    const { promise, resolve } = Promise.withResolvers<void>();
    replies.held = promise;
    const onItsWay = decide(asks(1));
    await refusing.refund([createReceipt(undefined, asks(2).charges, toldBy(granted))]);
    resolve();
    expect((await onItsWay)[0]?.granted).toBe(false);
    expect(await sourceOf(decide, asks(1))).toBe('granted by redis');
  });

  it('keeps a bounded number of them, the latest', async () => {
    const { decide } = open();
    const none = named('none', 'sliding_window', 1);
    const refused = Array.from({ length: 25_000 }, (_, place) => asks(2, none, `subject${place}`));
    await decide(...refused);
    expect(await sourceOf(decide, asks(2, none, 'subject24999'))).toBe('refused by local');
    expect(await sourceOf(decide, asks(2, none, 'subject0'))).toBe('refused by redis');
  });
});

describe('with refusals made here', () => {
  const limits = [
    burst,
    named('five', 'fixed_window', 5),
    named('steady', 'token_bucket', 3),
    named('hour', 'calendar', 40),
    named('slots', 'concurrency', 3),
    { ...named('blocking', 'sliding_window', 3), blockForSeconds: 2 },
  ];
  const charge = fc.record({
    subject: fc.constantFrom('a', 'b'),
    limit: fc.constantFrom(...limits),
    hits: fc.constantFrom(0, 1, 1, 1, 2, 2, 3),
    isSettlement: fc.nat({ max: 9 }).map((chance) => chance === 0),
  });
  const step = fc.record({
    wait: fc.constantFrom(0, 0, 0, 1, 1000, 1000, 30_000, 30_000, 249_999, 250_000, SECOND),
    which: fc.nat({ max: 2 }),
    givesBack: fc.constantFrom(false, false, false, true),
  });
  /** Few decisions, often repeated. */
  const trace = fc.record({
    decisions: fc.array(fc.array(charge, { minLength: 1, maxLength: 3 }), { minLength: 3, maxLength: 3 }),
    steps: fc.array(step, { minLength: 20, maxLength: 80, size: 'max' }),
  });

  it('the same is granted as without, and nobody is told to come back too late', async () => {
    let refusedHere = 0;
    await fc.assert(
      fc.asyncProperty(trace, async ({ decisions, steps }) => {
        const { clock, refusing, decide } = open();
        const plain = new MemoryStore({ now: () => clock.now, mostCounters: 1000, source: 'redis' });
        let last: { charges: readonly Charge[]; outcome: Outcome } | undefined;
        for (const { wait, which, givesBack } of steps) {
          const charges = decisions[which] ?? [];
          clock.now += wait;
          if (givesBack && last !== undefined) {
            const receipt = createReceipt(undefined, last.charges, last.outcome);
            last = undefined;
            expect(await refusing.refund([receipt])).toEqual(await plain.refund([receipt]));
          }
          const [outcome] = await decide({ charges });
          const expected = toldBy((await plain.decide([{ charges }]))[0]);
          expect(outcome?.granted).toBe(expected.granted);
          if (outcome?.granted === true) last = { charges, outcome };
          if (outcome?.source !== 'local') continue;
          refusedHere++;
          for (const [place, { retryAfter }] of outcome.charges.entries()) {
            expect(retryAfter ?? 0).toBeLessThanOrEqual(
              expected.charges[place]?.retryAfter ?? Number.POSITIVE_INFINITY,
            );
          }
        }
      }),
      { numRuns: 1000 },
    );
    expect(refusedHere).toBeGreaterThan(2000);
  });
});
