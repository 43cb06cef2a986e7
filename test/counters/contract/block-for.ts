import { describe, expect, it } from 'vitest';
import { makeCalendarLimit, makeCharge, makeLimit, SECOND } from '../model/traces.ts';
import type { StoreHarness } from './counter-store-contract.ts';

const block = { blockForSeconds: 600 };
const limits = [
  makeLimit(2, '60s', block),
  makeLimit(200, '60s', block),
  makeLimit(2, '60s', { ...block, algorithm: 'fixed_window' }),
  makeLimit(2, '60s', { ...block, algorithm: 'token_bucket' }),
  makeCalendarLimit(2, 'hour', block),
];

export function describeBlockFor(bench: StoreHarness): void {
  describe('block_for', () => {
    it.each(limits)(
      'refuses everything from the first refusal on for so long: $algorithm, $requests',
      async (limit) => {
        const subject = bench.subject();
        const all = makeCharge(subject, limit, limit.requests);
        bench.now += 30 * 60 * SECOND; // In the hour that ends in 10 minutes.
        await bench.charge(all);
        bench.now += SECOND;
        const refused = await bench.charge(makeCharge(subject, limit));
        expect(refused).toMatchObject({
          exceeded: true,
          remaining: 0,
          resetAfter: 600 * SECOND,
          retryAfter: 600 * SECOND,
        });
        bench.now += 600 * SECOND - 1;
        expect(await bench.charge(makeCharge(subject, limit))).toMatchObject({ exceeded: true, retryAfter: 1 });
        bench.now += 1;
        expect(await bench.charge(all)).toMatchObject({ exceeded: false, remaining: 0 });
      },
    );

    it('blocks at nothing but a refusal', async () => {
      const one = makeCharge(bench.subject(), makeLimit(2, '60s', block));
      await bench.charge(one);
      expect(await bench.charge(one)).toMatchObject({ exceeded: false, remaining: 0, resetAfter: 60 * SECOND });
      bench.now += 60 * SECOND;
      expect(await bench.charge(one)).toMatchObject({ exceeded: false, remaining: 1 });
    });

    it('tells when it ends, beside when the hits fit', async () => {
      const limit = makeLimit(1, '3600s', block);
      const subject = bench.subject();
      await bench.charge(makeCharge(subject, limit));
      bench.now += SECOND;
      const told = { exceeded: true, retryAfter: 3599 * SECOND, blockedFor: 600 * SECOND };
      expect(await bench.charge(makeCharge(subject, limit))).toMatchObject(told);
      bench.now += 600 * SECOND;
      const later = { exceeded: true, retryAfter: 2999 * SECOND, blockedFor: 600 * SECOND };
      expect(await bench.charge(makeCharge(subject, limit))).toMatchObject(later);
    });

    it('is not extended by what is refused meanwhile', async () => {
      const one = makeCharge(bench.subject(), makeLimit(1, '60s', block));
      await bench.decide({ charges: [one] }, { charges: [one] });
      for (let i = 0; i < 5; i++) {
        bench.now += 100 * SECOND;
        expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: (500 - i * 100) * SECOND });
      }
      bench.now += 100 * SECOND;
      expect(await bench.charge(one)).toMatchObject({ exceeded: false });
    });

    it('refuses looks too while it lasts, and smaller ones that would fit', async () => {
      const limit = makeLimit(3, '60s', block);
      const subject = bench.subject();
      await bench.charge(makeCharge(subject, limit, 4));
      for (const hits of [0, 1]) {
        const refused = await bench.charge(makeCharge(subject, limit, hits));
        expect(refused).toMatchObject({ exceeded: true, remaining: 0, retryAfter: 600 * SECOND });
      }
    });

    it('begins with more hits than the limit, of which no time can be promised', async () => {
      const subject = bench.subject();
      const limit = makeLimit(3, '60s', block);
      expect(await bench.charge(makeCharge(subject, limit, 4))).toMatchObject({
        exceeded: true,
        retryAfter: undefined,
      });
      expect(await bench.charge(makeCharge(subject, limit))).toMatchObject({
        exceeded: true,
        retryAfter: 600 * SECOND,
      });
    });

    it('is not begun by a look', async () => {
      const subject = bench.subject();
      await bench.charge(makeCharge(subject, makeLimit(3, '60s', block), 3));
      const lowered = makeLimit(2, '60s', block);
      expect(await bench.charge(makeCharge(subject, lowered, 0))).toMatchObject({ retryAfter: 60 * SECOND });
      bench.now += 60 * SECOND;
      expect(await bench.charge(makeCharge(subject, lowered, 0))).toMatchObject({ exceeded: false, remaining: 2 });
    });

    it('blocks only the limit that refused, not the others of the decision', async () => {
      const subject = bench.subject();
      const wide = makeCharge(subject, makeLimit(9, '60s', { ...block, name: 'wide' }));
      const narrow = makeCharge(subject, makeLimit(1, '60s', { ...block, name: 'narrow' }));
      const outcomes = await bench.decide(
        { charges: [wide, narrow] },
        { charges: [wide, narrow] },
        { charges: [wide] },
      );
      expect(outcomes.map(({ granted }) => granted)).toEqual([true, false, true]);
      expect(outcomes[2]?.charges[0]).toMatchObject({ remaining: 7 });
    });

    it('holds within a batch from the refusal on, and what came before it stays granted', async () => {
      const limit = makeLimit(3, '60s', block);
      const subject = bench.subject();
      const outcomes = await bench.decide(
        ...[1, 1, 2, 1].map((hits) => ({ charges: [makeCharge(subject, limit, hits)] })),
      );
      expect(outcomes.map(({ granted }) => granted)).toEqual([true, true, false, false]);
      expect(outcomes.map(({ charges }) => charges[0]?.resetAfter)).toEqual([60, 60, 600, 600].map((s) => s * SECOND));
    });

    it('lasts no longer than it should after a clock that ran far ahead', async () => {
      const one = makeCharge(bench.subject(), makeLimit(1, '60s', block), 2);
      bench.now += 86_400 * SECOND;
      await bench.charge(one);
      bench.now -= 86_400 * SECOND;
      expect(await bench.charge({ ...one, hits: 1 })).toMatchObject({ exceeded: true, retryAfter: 600 * SECOND });
      bench.now += 600 * SECOND;
      expect(await bench.charge({ ...one, hits: 1 })).toMatchObject({ exceeded: false });
    });
  });
}
