import { expect, it } from 'vitest';
import { MemoryStore } from '../../counters/memory/memory-store.ts';
import type { UntrustedLimitSpec } from '../../domain/limits/limit-spec.ts';
import { parseLimit } from '../../domain/limits/parse-limit.ts';
import { type Charge, type CounterStore, StoreUnavailable } from '../ports.ts';
import { createReceipt } from './receipt.ts';
import { redeem } from './redeem.ts';

const MINUTE = 60_000_000;

class Bench {
  now = Date.UTC(2026, 2, 14, 12) * 1000;
  readonly store = new MemoryStore({ now: () => this.now, maxCounters: 1000, source: 'memory' });
  #receipts = 0;

  async take(...charges: readonly Charge[]) {
    const [outcome] = await this.store.decide([{ charges }]);
    if (outcome === undefined || outcome instanceof StoreUnavailable || !outcome.granted)
      throw new Error('not granted');
    return createReceipt(`receipt-${++this.#receipts}`, charges, outcome);
  }

  /** What is left of each charge's limit; below 0 is told as 0. */
  async left(...charges: readonly Charge[]): Promise<readonly number[]> {
    const [outcome] = await this.store.decide([{ charges: charges.map((each) => ({ ...each, hits: 0 })) }]);
    if (outcome === undefined || outcome instanceof StoreUnavailable) throw new Error('not told');
    return outcome.charges.map(({ remaining }) => remaining);
  }
}

function chargeOf(hits: number, written: UntrustedLimitSpec = {}): Charge {
  const limit = parseLimit({ name: 'tokens', requests: 1000, window: '1m', settle: true, ...written });
  if (!('identity' in limit)) throw new Error(JSON.stringify(limit));
  return { subject: 'account|a', limit, hits };
}

const month = { name: 'month', window: '1mo', algorithm: 'calendar', requests: 5000 };
const slot = { name: 'in-flight', algorithm: 'concurrency', settle: false, requests: 5 };

it.each([
  ['less than was reserved: the rest is free again', 120, [880, 4880]],
  ['as much', 300, [700, 4700]],
  ['more: into debt if need be', 1200, [0, 3800]],
  ['nothing', 0, [1000, 5000]],
])('settles %s', async (_, cost, left) => {
  const bench = new Bench();
  const reserved = [chargeOf(300), chargeOf(300, month)];
  const receipt = await bench.take(...reserved);
  bench.now += 1000;
  const settlement = { use: 'settle', hits: cost, receipt } as const;
  expect(await redeem(bench.store, [settlement])).toEqual(['done']);
  expect(await bench.left(...reserved)).toEqual(left);
  // Neither the same again, nor anything else with this receipt.
  const again = [settlement, { ...settlement, hits: 999 }, { ...settlement, use: 'give_back', hits: 999 }] as const;
  expect(await redeem(bench.store, again)).toEqual(['ignored', 'ignored', 'ignored']);
  expect(await bench.left(...reserved)).toEqual(left);
});

it('settles what was only looked at, whole', async () => {
  const bench = new Bench();
  const receipt = await bench.take(chargeOf(0));
  expect(await redeem(bench.store, [{ use: 'settle', hits: 400, receipt }])).toEqual(['done']);
  expect(await bench.left(chargeOf(0))).toEqual([600]);
});

it('gives slots back with a settlement, and what was reserved with them by negative hits', async () => {
  const bench = new Bench();
  const both = [chargeOf(300), chargeOf(1, slot)];
  const [settled, given] = [await bench.take(...both), await bench.take(...both)];
  expect(await redeem(bench.store, [{ use: 'settle', hits: 500, receipt: settled }])).toEqual(['done']);
  expect(await bench.left(...both)).toEqual([200, 4]);
  expect(await redeem(bench.store, [{ use: 'give_back', hits: 2 ** 53 - 1, receipt: given }])).toEqual(['done']);
  expect(await bench.left(...both)).toEqual([500, 5]);
});

it('settles after what was reserved has stopped counting: what is beyond it counts from now on', async () => {
  const bench = new Bench();
  const [reserved, inMonth] = [chargeOf(300), chargeOf(300, month)];
  const receipt = await bench.take(reserved, inMonth);
  bench.now += 5 * MINUTE;
  expect(await redeem(bench.store, [{ use: 'settle', hits: 350, receipt }])).toEqual(['done']);
  expect(await bench.left(reserved, inMonth)).toEqual([950, 4650]);
});

it('ignores a settlement a quarter of an hour after the grant, as nothing tells any more that it is the first', async () => {
  const bench = new Bench();
  const inMonth = chargeOf(300, month);
  const receipt = await bench.take(inMonth);
  const settlement = { use: 'settle', hits: 900, receipt } as const;
  bench.now += 15 * MINUTE;
  expect(await redeem(bench.store, [settlement])).toEqual(['ignored']);
  expect(await bench.left(inMonth)).toEqual([4700]);
});

it('tells of negative hits without a receipt, and of counters that cannot be reached', async () => {
  const bench = new Bench();
  const [one, other] = [await bench.take(chargeOf(300)), await bench.take(chargeOf(300))];
  const missing = { use: 'give_back', hits: 1, receipt: undefined } as const;
  expect(await redeem(bench.store, [missing, { use: 'give_back', hits: 300, receipt: one }])).toEqual([
    'missing',
    'done',
  ]);
  const away: CounterStore = {
    decide: async (decisions) => decisions.map(() => new StoreUnavailable('away')),
    refund: (receipts) => bench.store.refund(receipts),
    correct: (corrections) => bench.store.correct(corrections),
  };
  expect(await redeem(away, [{ use: 'settle', hits: 999, receipt: other }, missing])).toEqual([
    'unavailable',
    'missing',
  ]);
});
