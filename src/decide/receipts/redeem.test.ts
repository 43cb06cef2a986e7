import { expect, it } from 'vitest';
import { MemoryStore } from '../../counters/memory/memory-store.ts';
import type { UntrustedLimitSpec } from '../../domain/limits/limit-spec.ts';
import { parseLimit } from '../../domain/limits/parse-limit.ts';
import { type Charge, type CounterStore, type Receipt, StoreUnavailable } from '../ports.ts';
import { createReceipt } from './receipt.ts';
import { redeem } from './redeem.ts';

const MINUTE_MICROS = 60_000_000;

class StoreHarness {
  /** Unix time in µs. */
  now = Date.UTC(2026, 2, 14, 12) * 1000;
  readonly store = new MemoryStore({ now: () => this.now, maxCounters: 1000, source: 'memory' });
  #receipts = 0;

  async takeReceipt(...charges: readonly Charge[]): Promise<Receipt> {
    const [outcome] = await this.store.decide([{ charges }]);
    if (outcome === undefined || outcome instanceof StoreUnavailable || !outcome.granted) {
      throw new Error('the charges were not granted');
    }
    return createReceipt(`receipt-${++this.#receipts}`, charges, outcome);
  }

  /** Returns the remaining hits of each charge's limit. A counter in debt has 0. */
  async remaining(...charges: readonly Charge[]): Promise<readonly number[]> {
    const [outcome] = await this.store.decide([{ charges: charges.map((charge) => ({ ...charge, hits: 0 })) }]);
    if (outcome === undefined || outcome instanceof StoreUnavailable) throw new Error('the store did not answer');
    return outcome.charges.map(({ remaining }) => remaining);
  }
}

function makeCharge(hits: number, spec: UntrustedLimitSpec = {}): Charge {
  const limit = parseLimit({ name: 'tokens', requests: 1000, window: '1m', settle: true, ...spec });
  if (!('identity' in limit)) throw new Error(`spec: must be a limit that counts (got ${JSON.stringify(limit)})`);
  return { subject: 'account|a', limit, hits };
}

const month = { name: 'month', window: '1mo', algorithm: 'calendar', requests: 5000 };
const slot = { name: 'in-flight', algorithm: 'concurrency', settle: false, requests: 5 };

it.each([
  ['less than was reserved, and frees the rest', 120, [880, 4880]],
  ['as much as was reserved', 300, [700, 4700]],
  ['more than was reserved, into debt if need be', 1200, [0, 3800]],
  ['nothing', 0, [1000, 5000]],
])('settles a request that cost %s', async (_, cost, remaining) => {
  const harness = new StoreHarness();
  const reserved = [makeCharge(300), makeCharge(300, month)];
  const receipt = await harness.takeReceipt(...reserved);
  harness.now += 1000;
  const settlement = { use: 'settle', hits: cost, receipt } as const;
  expect(await redeem(harness.store, [settlement])).toEqual(['done']);
  expect(await harness.remaining(...reserved)).toEqual(remaining);
  // The receipt is used: neither the same settlement nor any other redemption changes anything.
  const again = [settlement, { ...settlement, hits: 999 }, { ...settlement, use: 'give_back', hits: 999 }] as const;
  expect(await redeem(harness.store, again)).toEqual(['ignored', 'ignored', 'ignored']);
  expect(await harness.remaining(...reserved)).toEqual(remaining);
});

it('charges the whole cost of a request that reserved no hits', async () => {
  const harness = new StoreHarness();
  const receipt = await harness.takeReceipt(makeCharge(0));
  expect(await redeem(harness.store, [{ use: 'settle', hits: 400, receipt }])).toEqual(['done']);
  expect(await harness.remaining(makeCharge(0))).toEqual([600]);
});

it('frees slots with a settlement, and the reservation as well with a refund', async () => {
  const harness = new StoreHarness();
  const charges = [makeCharge(300), makeCharge(1, slot)];
  const [settled, refunded] = [await harness.takeReceipt(...charges), await harness.takeReceipt(...charges)];
  expect(await redeem(harness.store, [{ use: 'settle', hits: 500, receipt: settled }])).toEqual(['done']);
  expect(await harness.remaining(...charges)).toEqual([200, 4]);
  expect(await redeem(harness.store, [{ use: 'give_back', hits: 2 ** 53 - 1, receipt: refunded }])).toEqual(['done']);
  expect(await harness.remaining(...charges)).toEqual([500, 5]);
});

it('settles after the reservation has stopped counting: only the excess counts from then on', async () => {
  const harness = new StoreHarness();
  const [reserved, inMonth] = [makeCharge(300), makeCharge(300, month)];
  const receipt = await harness.takeReceipt(reserved, inMonth);
  harness.now += 5 * MINUTE_MICROS;
  expect(await redeem(harness.store, [{ use: 'settle', hits: 350, receipt }])).toEqual(['done']);
  expect(await harness.remaining(reserved, inMonth)).toEqual([950, 4650]);
});

it('ignores a settlement 15 minutes after the grant, because the store no longer knows whether it is the first', async () => {
  const harness = new StoreHarness();
  const inMonth = makeCharge(300, month);
  const receipt = await harness.takeReceipt(inMonth);
  const settlement = { use: 'settle', hits: 900, receipt } as const;
  harness.now += 15 * MINUTE_MICROS;
  expect(await redeem(harness.store, [settlement])).toEqual(['ignored']);
  expect(await harness.remaining(inMonth)).toEqual([4700]);
});

it('reports a refund without a receipt, and counters that are unreachable', async () => {
  const harness = new StoreHarness();
  const [one, other] = [await harness.takeReceipt(makeCharge(300)), await harness.takeReceipt(makeCharge(300))];
  const missing = { use: 'give_back', hits: 1, receipt: undefined } as const;
  expect(await redeem(harness.store, [missing, { use: 'give_back', hits: 300, receipt: one }])).toEqual([
    'missing',
    'done',
  ]);
  const unreachable: CounterStore = {
    decide: async (decisions) => decisions.map(() => new StoreUnavailable('unreachable')),
    refund: (receipts) => harness.store.refund(receipts),
    correct: (corrections) => harness.store.correct(corrections),
  };
  expect(await redeem(unreachable, [{ use: 'settle', hits: 999, receipt: other }, missing])).toEqual([
    'unavailable',
    'missing',
  ]);
});

it('throws if the store answers fewer receipts than it was given', async () => {
  const harness = new StoreHarness();
  const receipt = await harness.takeReceipt(makeCharge(300));
  const short: CounterStore = {
    decide: (decisions) => harness.store.decide(decisions),
    refund: async () => [],
    correct: (corrections) => harness.store.correct(corrections),
  };
  await expect(redeem(short, [{ use: 'settle', hits: 1, receipt }])).rejects.toThrow(
    'counter store: number of results of refunds: must be 1 (got 0)',
  );
});
