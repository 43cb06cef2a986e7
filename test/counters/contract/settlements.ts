import { describe, expect, it } from 'vitest';
import { makeCalendarLimit, makeCharge, makeLimit, makeSettlement, SECOND } from '../model/traces.ts';
import type { StoreHarness } from './counter-store-contract.ts';

const limits = [
  makeLimit(10, '60s'),
  makeLimit(100, '60s'),
  makeLimit(10, '60s', { algorithm: 'fixed_window' }),
  makeLimit(10, '60s', { algorithm: 'token_bucket' }),
  makeCalendarLimit(10, 'hour'),
  makeLimit(10, '60s', { algorithm: 'concurrency' }),
];

export function describeSettlements(bench: StoreHarness): void {
  describe('settlements of hits that were spent already', () => {
    it.each(limits)('are charged beyond the limit, into debt that refuses: $algorithm, $requests', async (limit) => {
      const subject = bench.subject();
      const { requests } = limit;
      expect(await bench.charge(makeSettlement(subject, limit, requests + 5))).toMatchObject({
        exceeded: false,
        remaining: 0,
        retryAfter: undefined,
      });
      const { resetAfter } = await bench.charge(makeSettlement(subject, limit, 5));
      expect(await bench.charge(makeCharge(subject, limit))).toMatchObject({ exceeded: true, remaining: 0 });
      // Looks, too, as less than nothing is free.
      expect(await bench.charge(makeCharge(subject, limit, 0))).toMatchObject({
        exceeded: true,
        remaining: 0,
        resetAfter,
      });
      bench.now += resetAfter;
      expect(await bench.charge(makeCharge(subject, limit, requests))).toMatchObject({ exceeded: false });
    });

    it('tell when a refused one fits: once the debt is paid', async () => {
      const limit = makeLimit(60, '60s', { algorithm: 'token_bucket', burst: 5 });
      const subject = bench.subject();
      await bench.charge(makeSettlement(subject, limit, 25));
      expect(await bench.charge(makeCharge(subject, limit))).toMatchObject({ retryAfter: 21 * SECOND });
      const sliding = makeLimit(2, '60s');
      await bench.charge(makeSettlement(subject, sliding, 2));
      bench.now += SECOND;
      await bench.charge(makeSettlement(subject, sliding, 2));
      expect(await bench.charge(makeCharge(subject, sliding))).toMatchObject({ retryAfter: 60 * SECOND });
    });

    it('refuse nothing: a decision is granted by its other charges alone', async () => {
      const subject = bench.subject();
      const [tokens, requests] = [makeLimit(5, '60s', { name: 'tokens' }), makeLimit(1, '60s', { name: 'requests' })];
      const both = [makeSettlement(subject, tokens, 9), makeCharge(subject, requests)];
      expect(await bench.decideOne(...both)).toMatchObject({ granted: true });
      const refused = await bench.decideOne(...both);
      expect(refused).toMatchObject({
        granted: false,
        charges: [{ exceeded: false, remaining: 0 }, { exceeded: true }],
      });
    });

    it('are not charged where the decision is refused by another charge', async () => {
      const subject = bench.subject();
      const [tokens, requests] = [makeLimit(5, '60s', { name: 'tokens' }), makeLimit(1, '60s', { name: 'requests' })];
      const refused = [makeSettlement(subject, tokens, 4), makeCharge(subject, requests, 2)];
      expect(await bench.decideOne(...refused)).toMatchObject({ granted: false });
      expect(await bench.charge(makeCharge(subject, tokens, 0))).toMatchObject({ remaining: 5 });
    });

    it('stay settlements when there are two of one counter in a decision', async () => {
      const settlement = makeSettlement(bench.subject(), makeLimit(5, '60s'), 4);
      const { granted, charges } = await bench.decideOne(settlement, settlement);
      expect(granted).toBe(true);
      expect(charges).toEqual([charges[0], charges[0]]);
      expect(await bench.charge(makeCharge(settlement.subject, settlement.limit))).toMatchObject({ exceeded: true });
    });

    it('come before hits that the same decision asks of their counter', async () => {
      const limit = makeLimit(5, '60s');
      const subject = bench.subject();
      const [settlement, asked] = [makeSettlement(subject, limit, 4), makeCharge(subject, limit, 2)];
      expect(await bench.decideOne(asked, settlement)).toMatchObject({ granted: false });
      expect(await bench.decideOne(settlement, asked)).toMatchObject({ granted: false });
      expect(await bench.decideOne({ ...asked, hits: 1 }, settlement)).toMatchObject({ granted: true });
    });

    it('are charged while the counter is blocked', async () => {
      const limit = makeLimit(5, '60s', { blockForSeconds: 10 });
      const subject = bench.subject();
      await bench.charge(makeCharge(subject, limit, 6));
      expect(await bench.decideOne(makeSettlement(subject, limit, 3))).toMatchObject({ granted: true });
      bench.now += 10 * SECOND;
      expect(await bench.charge(makeCharge(subject, limit, 0))).toMatchObject({ exceeded: false, remaining: 2 });
    });

    it('are charged however many come at times of their own, and count for the window at least', async () => {
      const limit = makeLimit(3, '16s');
      const subject = bench.subject();
      for (let i = 0; i < 150; i++) {
        await bench.charge(makeSettlement(subject, limit, 1));
        bench.now += SECOND / 10;
      }
      bench.now = bench.now - SECOND / 10 + 16 * SECOND - 1;
      expect(await bench.charge(makeCharge(subject, limit, 3))).toMatchObject({ exceeded: true });
      bench.now += SECOND;
      expect(await bench.charge(makeCharge(subject, limit, 3))).toMatchObject({ exceeded: false });
    });
  });
}
