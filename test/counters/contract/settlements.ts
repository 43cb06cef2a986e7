import { describe, expect, it } from 'vitest';
import { makeCalendarLimit, makeCharge, makeLimit, makeSettlement, SECOND } from '../model/builders.ts';
import type { StoreHarness } from './store-harness.ts';

const limits = [
  makeLimit(10, '60s'),
  makeLimit(100, '60s'),
  makeLimit(10, '60s', { algorithm: 'fixed_window' }),
  makeLimit(10, '60s', { algorithm: 'token_bucket' }),
  makeCalendarLimit(10, 'hour'),
  makeLimit(10, '60s', { algorithm: 'concurrency' }),
];

export function describeSettlements(harness: StoreHarness): void {
  describe('a settlement of hits that were spent already', () => {
    it.each(limits)(
      'is charged beyond the limit, into a debt that rejects ($algorithm, $requests requests)',
      async (limit) => {
        const subject = harness.subject();
        const { requests } = limit;
        expect(await harness.charge(makeSettlement(subject, limit, requests + 5))).toMatchObject({
          exceeded: false,
          remaining: 0,
          retryAfter: undefined,
        });
        const { resetAfter } = await harness.charge(makeSettlement(subject, limit, 5));
        expect(await harness.charge(makeCharge(subject, limit))).toMatchObject({ exceeded: true, remaining: 0 });
        // Peeks, too, as less than nothing is free.
        expect(await harness.charge(makeCharge(subject, limit, 0))).toMatchObject({
          exceeded: true,
          remaining: 0,
          resetAfter,
        });
        harness.now += resetAfter;
        expect(await harness.charge(makeCharge(subject, limit, requests))).toMatchObject({ exceeded: false });
      },
    );

    it('delays rejected hits until its debt is paid', async () => {
      const limit = makeLimit(60, '60s', { algorithm: 'token_bucket', burst: 5 });
      const subject = harness.subject();
      await harness.charge(makeSettlement(subject, limit, 25));
      expect(await harness.charge(makeCharge(subject, limit))).toMatchObject({ retryAfter: 21 * SECOND });
      const sliding = makeLimit(2, '60s');
      await harness.charge(makeSettlement(subject, sliding, 2));
      harness.now += SECOND;
      await harness.charge(makeSettlement(subject, sliding, 2));
      expect(await harness.charge(makeCharge(subject, sliding))).toMatchObject({ retryAfter: 60 * SECOND });
    });

    it('never rejects: the other charges alone decide', async () => {
      const subject = harness.subject();
      const [tokens, requests] = [makeLimit(5, '60s', { name: 'tokens' }), makeLimit(1, '60s', { name: 'requests' })];
      const both = [makeSettlement(subject, tokens, 9), makeCharge(subject, requests)];
      expect(await harness.decideOne(...both)).toMatchObject({ granted: true });
      const rejected = await harness.decideOne(...both);
      expect(rejected).toMatchObject({
        granted: false,
        charges: [{ exceeded: false, remaining: 0 }, { exceeded: true }],
      });
    });

    it('is not charged where another charge rejects the decision', async () => {
      const subject = harness.subject();
      const [tokens, requests] = [makeLimit(5, '60s', { name: 'tokens' }), makeLimit(1, '60s', { name: 'requests' })];
      const decision = [makeSettlement(subject, tokens, 4), makeCharge(subject, requests, 2)];
      expect(await harness.decideOne(...decision)).toMatchObject({ granted: false });
      expect(await harness.charge(makeCharge(subject, tokens, 0))).toMatchObject({ remaining: 5 });
    });

    it('stays a settlement when a decision has two of one counter', async () => {
      const settlement = makeSettlement(harness.subject(), makeLimit(5, '60s'), 4);
      const { granted, charges } = await harness.decideOne(settlement, settlement);
      expect(granted).toBe(true);
      expect(charges).toEqual([charges[0], charges[0]]);
      expect(await harness.charge(makeCharge(settlement.subject, settlement.limit))).toMatchObject({ exceeded: true });
    });

    it('is charged before the hits that the same decision requests from its counter', async () => {
      const limit = makeLimit(5, '60s');
      const subject = harness.subject();
      const [settlement, request] = [makeSettlement(subject, limit, 4), makeCharge(subject, limit, 2)];
      expect(await harness.decideOne(request, settlement)).toMatchObject({ granted: false });
      expect(await harness.decideOne(settlement, request)).toMatchObject({ granted: false });
      expect(await harness.decideOne({ ...request, hits: 1 }, settlement)).toMatchObject({ granted: true });
    });

    it('is charged while the counter is blocked', async () => {
      const limit = makeLimit(5, '60s', { blockForSeconds: 10 });
      const subject = harness.subject();
      await harness.charge(makeCharge(subject, limit, 6));
      expect(await harness.decideOne(makeSettlement(subject, limit, 3))).toMatchObject({ granted: true });
      harness.now += 10 * SECOND;
      expect(await harness.charge(makeCharge(subject, limit, 0))).toMatchObject({ exceeded: false, remaining: 2 });
    });

    it('is charged however many others have times of their own, and counts for a window at least', async () => {
      const limit = makeLimit(3, '16s');
      const subject = harness.subject();
      for (let i = 0; i < 150; i++) {
        await harness.charge(makeSettlement(subject, limit, 1));
        harness.now += SECOND / 10;
      }
      harness.now = harness.now - SECOND / 10 + 16 * SECOND - 1;
      expect(await harness.charge(makeCharge(subject, limit, 3))).toMatchObject({ exceeded: true });
      harness.now += SECOND;
      expect(await harness.charge(makeCharge(subject, limit, 3))).toMatchObject({ exceeded: false });
    });
  });
}
