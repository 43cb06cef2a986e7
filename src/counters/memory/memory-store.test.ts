import { describe, expect, it } from 'vitest';
import { makeCharge, makeLimit } from '../../../test/counters/model/builders.ts';
import { type Charge, type Decision, type Outcome, StoreUnavailable } from '../../decide/ports.ts';
import { createReceipt } from '../../decide/receipts/receipt.ts';
import { MemoryStore } from './memory-store.ts';

const SECOND = 1_000_000;

function makeDecision(subject: string, name = 'burst', hits = 1): Decision {
  return { charges: [makeCharge(subject, makeLimit(5, '60s', { name }), hits)] };
}

function openStore(maxCounters: number) {
  const clock = { now: 1_773_490_800 * SECOND };
  return { clock, store: new MemoryStore({ now: () => clock.now, maxCounters, source: 'memory' }) };
}

/** Reports for each decision whether it was granted; undefined where the store was unavailable. */
async function decideEach(
  store: MemoryStore,
  ...decisions: readonly Decision[]
): Promise<readonly (boolean | undefined)[]> {
  const results = await store.decide(decisions);
  return results.map((result) => (result instanceof StoreUnavailable ? undefined : result.granted));
}

/** Returns the outcome of one decision. The store must be able to decide it. */
async function decideOne(store: MemoryStore, { charges }: Decision): Promise<Outcome> {
  const [result] = await store.decide([{ charges }]);
  if (result === undefined || result instanceof StoreUnavailable) throw new Error('the store gave no outcome');
  return result;
}

describe('the size of a memory store', () => {
  it('stays close to the number of live counters while subjects come and go', async () => {
    const { clock, store } = openStore(1_000_000);
    let max = 0;
    for (let i = 0; i < 20_000; i++) {
      await store.decide([makeDecision(`subject${i}`, `limit${i % 3}`)]);
      clock.now += 60_000; // 1,000 are live at a time
      max = Math.max(max, store.size);
    }
    expect(max).toBeLessThan(3000);
  });

  it('does not grow with peeks and rejections', async () => {
    const { store } = openStore(10);
    expect(await decideEach(store, makeDecision('a', 'burst', 0), makeDecision('b', 'burst', 6))).toEqual([
      true,
      false,
    ]);
    expect(store.size).toBe(0);
  });
});

describe('a full memory store', () => {
  it('is unavailable for decisions that need a new counter, and decides on the counters that it has', async () => {
    const { store } = openStore(2);
    const both = { charges: [...makeDecision('a').charges, ...makeDecision('c').charges] };
    const decisions = [makeDecision('a'), makeDecision('b'), makeDecision('c'), both, makeDecision('a')];
    expect(await decideEach(store, ...decisions)).toEqual([true, true, undefined, undefined, true]);
    expect(store.size).toBe(2);
    const { charges } = await decideOne(store, makeDecision('a', 'burst', 0));
    expect(charges).toMatchObject([{ remaining: 3 }]);
  });

  it('still answers peeks at new counters, and rejections, which need no counter', async () => {
    const { store } = openStore(1);
    const decisions = [makeDecision('a'), makeDecision('b', 'burst', 0), makeDecision('b', 'burst', 6)];
    expect(await decideEach(store, ...decisions)).toEqual([true, true, false]);
  });

  it('rejects without beginning a block where the block would need a new counter', async () => {
    const { store } = openStore(1);
    const limit = makeLimit(5, '60s', { name: 'blocking', blockForSeconds: 60 });
    await store.decide([makeDecision('a')]);
    expect(await decideEach(store, { charges: [makeCharge('b', limit, 6)] })).toEqual([false]);
    expect(store.size).toBe(1);
  });

  it('removes ended counters to make room for new subjects', async () => {
    const { clock, store } = openStore(2);
    await store.decide([makeDecision('a')]);
    clock.now += 30 * SECOND;
    await store.decide([makeDecision('b')]);
    clock.now += 30 * SECOND;
    expect(await decideEach(store, makeDecision('c'), makeDecision('d'))).toEqual([true, undefined]);
  });

  it('charges an ended counter again although the same decision just removed it to make room', async () => {
    const { clock, store } = openStore(5);
    await store.decide(['a', 'b', 'c', 'd', 'e'].map((subject) => makeDecision(subject)));
    clock.now += 60 * SECOND;
    const withEnded = { charges: ['e', 'new', 'newer'].flatMap((subject) => makeDecision(subject).charges) };
    for (const remaining of [4, 3]) {
      expect((await decideOne(store, withEnded)).charges).toMatchObject([{ remaining }, { remaining }, { remaining }]);
    }
  });
});

describe('a rejected request that is charged, where the memory store is full', () => {
  const owing = makeLimit(5, '60s', { chargeRejected: true });

  it('takes the room of an ended counter', async () => {
    const { clock, store } = openStore(1);
    await store.decide([makeDecision('ended')]);
    clock.now += 60 * SECOND;
    const [report] = store.decide([{ charges: [makeCharge('a', owing, 9)] }]);
    expect(report).toMatchObject({ granted: false });
    expect(store.decide([{ charges: [makeCharge('a', owing, 0)] }])).toMatchObject([{ granted: false }]);
  });

  it('is StoreUnavailable without room, so that no usage is lost silently', async () => {
    const { store } = openStore(1);
    await store.decide([makeDecision('other')]);
    const [report] = store.decide([{ charges: [makeCharge('a', owing, 9)] }]);
    expect(report).toBeInstanceOf(StoreUnavailable);
  });
});

describe('a receipt, where the memory store is full', () => {
  it('is refunded once: the mark that says so takes the room of an ended counter', async () => {
    const { clock, store } = openStore(3);
    await store.decide([makeDecision('ended'), makeDecision('also ended')]);
    clock.now += 30 * SECOND;
    const decision = makeDecision('a', 'burst', 2);
    const receipt = createReceipt('once', decision.charges, await decideOne(store, decision));
    await store.decide([decision]);
    clock.now += 30 * SECOND - 1;
    expect(await store.refund([receipt])).toEqual([undefined]); // no room for the mark: rather never than twice
    clock.now += 1;
    expect(await store.refund([receipt, receipt])).toEqual([2, undefined]);
  });

  it('leaves nothing in the store once it has expired', async () => {
    const { clock, store } = openStore(1_000_000);
    for (let i = 0; i < 5000; i++) {
      const decision = makeDecision(`subject${i}`);
      await store.refund([createReceipt(`receipt${i}`, decision.charges, await decideOne(store, decision))]);
      clock.now += SECOND;
    }
    expect(store.size).toBeLessThan(500);
  });
});

describe('a charge that its owner asks with again and again', () => {
  /** More than stay unpacked. */
  const SUBJECTS = 5000;
  const limit = makeLimit(5, '60s');

  it('is decided like a new one, whether its counter was packed, removed or is in another store', async () => {
    const [one, other, plain] = [openStore(1_000_000), openStore(1_000_000), openStore(1_000_000)];
    const kept = Array.from({ length: SUBJECTS }, (_, index): Charge => {
      return { ...makeCharge(`subject${index}`, limit), storeHandle: null };
    });
    for (let round = 0; round < 8; round++) {
      for (let index = 0; index < SUBJECTS; index += index % 100 < 50 ? 1 : 1 + round) {
        const charge = kept[index] ?? makeCharge('', limit);
        // Some are asked again at once, while their counters are unpacked.
        for (let repeats = index % 3; repeats >= 0; repeats--) {
          const expected = await plain.store.decide([{ charges: [makeCharge(charge.subject, limit)] }]);
          expect(await one.store.decide([{ charges: [charge] }])).toEqual(expected);
        }
        if (index % 7 === 0) await other.store.decide([{ charges: [charge] }]);
        if (index % 11 === round) {
          const correction = { subject: charge.subject, limit, change: { kind: 'reset' } } as const;
          await Promise.all([one.store.correct([correction]), plain.store.correct([correction])]);
        }
      }
      for (const { clock } of [one, other, plain]) clock.now += 13 * SECOND;
    }
  });
});
