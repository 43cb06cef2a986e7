import { describe, expect, it } from 'vitest';
import { chargeOf, limitOf } from '../../../test/counters/model/traces.ts';
import { type Charge, type Decision, type Outcome, StoreUnavailable } from '../../decide/ports.ts';
import { createReceipt } from '../../decide/receipts/receipt.ts';
import { MemoryStore } from './memory-store.ts';
import { systemMicroseconds } from './system-clock.ts';

const SECOND = 1_000_000;

function decision(subject: string, name = 'burst', hits = 1): Decision {
  return { charges: [chargeOf(subject, limitOf(5, '60s', { name }), hits)] };
}

function openStore(mostCounters: number) {
  const clock = { now: 1_773_490_800 * SECOND };
  return { clock, store: new MemoryStore({ now: () => clock.now, mostCounters, source: 'memory' }) };
}

/** Whether each was granted; undefined where the store was unavailable. */
async function grants(
  store: MemoryStore,
  ...decisions: readonly Decision[]
): Promise<readonly (boolean | undefined)[]> {
  const outcomes = await store.decide(decisions);
  return outcomes.map((outcome) => (outcome instanceof StoreUnavailable ? undefined : outcome.granted));
}

/** Of one decision, which must be decided. */
async function decided(store: MemoryStore, { charges }: Decision): Promise<Outcome> {
  const [outcome] = await store.decide([{ charges }]);
  if (outcome === undefined || outcome instanceof StoreUnavailable) throw new Error('an outcome expected');
  return outcome;
}

describe('memory of the counters in memory', () => {
  it('stays bounded by the live ones while subjects come and go', async () => {
    const { clock, store } = openStore(1_000_000);
    let most = 0;
    for (let i = 0; i < 20_000; i++) {
      await store.decide([decision(`subject${i}`, `limit${i % 3}`)]);
      clock.now += 60_000; // 1,000 live at a time
      most = Math.max(most, store.size);
    }
    expect(most).toBeLessThan(3000);
  });

  it('takes no counter for looks and refusals', async () => {
    const { store } = openStore(10);
    expect(await grants(store, decision('a', 'burst', 0), decision('b', 'burst', 6))).toEqual([true, false]);
    expect(store.size).toBe(0);
  });

  it('at its bound is unavailable for decisions that need a new counter, and goes on for those it counts', async () => {
    const { store } = openStore(2);
    const both = { charges: [...decision('a').charges, ...decision('c').charges] };
    expect(await grants(store, decision('a'), decision('b'), decision('c'), both, decision('a'))).toEqual([
      true,
      true,
      undefined,
      undefined,
      true,
    ]);
    expect(store.size).toBe(2);
    const { charges } = await decided(store, decision('a', 'burst', 0));
    expect(charges).toMatchObject([{ remaining: 3 }]);
  });

  it('at its bound still answers looks at new counters, and refusals, which need none', async () => {
    const { store } = openStore(1);
    expect(await grants(store, decision('a'), decision('b', 'burst', 0), decision('b', 'burst', 6))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('at its bound refuses without a block where that would need a new counter', async () => {
    const { store } = openStore(1);
    const limit = limitOf(5, '60s', { name: 'blocking', blockForSeconds: 60 });
    await store.decide([decision('a')]);
    expect(await grants(store, { charges: [chargeOf('b', limit, 6)] })).toEqual([false]);
    expect(store.size).toBe(1);
  });

  it('at its bound gives the places of ended counters to new subjects', async () => {
    const { clock, store } = openStore(2);
    await store.decide([decision('a')]);
    clock.now += 30 * SECOND;
    await store.decide([decision('b')]);
    clock.now += 30 * SECOND;
    expect(await grants(store, decision('c'), decision('d'))).toEqual([true, undefined]);
  });

  it('charges a counter that had ended also when its place was just given away', async () => {
    const { clock, store } = openStore(5);
    await store.decide(['a', 'b', 'c', 'd', 'e'].map((subject) => decision(subject)));
    clock.now += 60 * SECOND;
    const ended = { charges: ['e', 'new', 'newer'].flatMap((subject) => decision(subject).charges) };
    for (const remaining of [4, 3]) {
      expect((await decided(store, ended)).charges).toMatchObject([{ remaining }, { remaining }, { remaining }]);
    }
  });
});

describe('receipts at the bound of the counters in memory', () => {
  it('are good once: what notes that takes the place of a counter that has ended', async () => {
    const { clock, store } = openStore(3);
    await store.decide([decision('ended'), decision('also ended')]);
    clock.now += 30 * SECOND;
    const asked = decision('a', 'burst', 2);
    const receipt = createReceipt('once', asked.charges, await decided(store, asked));
    await store.decide([asked]);
    clock.now += 30 * SECOND - 1;
    expect(await store.refund([receipt])).toEqual([undefined]); // No room to note it: rather nothing than twice.
    clock.now += 1;
    expect(await store.refund([receipt, receipt])).toEqual([2, undefined]);
  });

  it('leave nothing behind once they have expired', async () => {
    const { clock, store } = openStore(1_000_000);
    for (let i = 0; i < 5000; i++) {
      const asked = decision(`subject${i}`);
      await store.refund([createReceipt(`receipt${i}`, asked.charges, await decided(store, asked))]);
      clock.now += SECOND;
    }
    expect(store.size).toBeLessThan(500);
  });
});

describe('a charge that is kept by who asks', () => {
  /** More than stay unpacked. */
  const SUBJECTS = 5000;
  const limit = limitOf(5, '60s');

  it('is decided as one that is not, whether its counter was packed, forgotten or counts in another store', async () => {
    const [one, other, plain] = [openStore(1_000_000), openStore(1_000_000), openStore(1_000_000)];
    const kept = Array.from({ length: SUBJECTS }, (_, place): Charge => {
      return { ...chargeOf(`subject${place}`, limit), storeHandle: null };
    });
    for (let round = 0; round < 8; round++) {
      for (let place = 0; place < SUBJECTS; place += place % 100 < 50 ? 1 : 1 + round) {
        const charge = kept[place] ?? chargeOf('', limit);
        // Some are asked for again at once, and are unpacked then.
        for (let again = place % 3; again >= 0; again--) {
          const expected = await plain.store.decide([{ charges: [chargeOf(charge.subject, limit)] }]);
          expect(await one.store.decide([{ charges: [charge] }])).toEqual(expected);
        }
        if (place % 7 === 0) await other.store.decide([{ charges: [charge] }]);
        if (place % 11 === round) {
          const correction = { subject: charge.subject, limit, change: { kind: 'reset' } } as const;
          await Promise.all([one.store.correct([correction]), plain.store.correct([correction])]);
        }
      }
      for (const { clock } of [one, other, plain]) clock.now += 13 * SECOND;
    }
  });
});

it('tells the time in whole µs since 1970, never running back', () => {
  const first = systemMicroseconds();
  const second = systemMicroseconds();
  expect(Number.isSafeInteger(first)).toBe(true);
  expect(second).toBeGreaterThanOrEqual(first);
  expect(Math.abs(first / 1000 - Date.now())).toBeLessThan(60_000);
});
