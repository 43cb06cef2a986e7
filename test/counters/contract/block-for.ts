import { describe, expect, it } from 'vitest';
import { makeCalendarLimit, makeCharge, makeLimit, SECOND } from '../model/builders.ts';
import type { StoreHarness } from './store-harness.ts';

const block = { blockForSeconds: 600 };
const limits = [
  makeLimit(2, '60s', block),
  makeLimit(200, '60s', block),
  makeLimit(2, '60s', { ...block, algorithm: 'fixed_window' }),
  makeLimit(2, '60s', { ...block, algorithm: 'token_bucket' }),
  makeCalendarLimit(2, 'hour', block),
];

export function describeBlockFor(harness: StoreHarness): void {
  describe('a limit with block_for', () => {
    it.each(limits)(
      'rejects everything for that time from its first rejection on ($algorithm, $requests requests)',
      async (limit) => {
        const subject = harness.subject();
        const all = makeCharge(subject, limit, limit.requests);
        harness.now += 30 * 60 * SECOND; // the hour ends in 10 minutes
        await harness.charge(all);
        harness.now += SECOND;
        const rejected = await harness.charge(makeCharge(subject, limit));
        expect(rejected).toMatchObject({
          exceeded: true,
          remaining: 0,
          resetAfter: 600 * SECOND,
          retryAfter: 600 * SECOND,
        });
        harness.now += 600 * SECOND - 1;
        expect(await harness.charge(makeCharge(subject, limit))).toMatchObject({ exceeded: true, retryAfter: 1 });
        harness.now += 1;
        expect(await harness.charge(all)).toMatchObject({ exceeded: false, remaining: 0 });
      },
    );

    it('does not block while it grants', async () => {
      const one = makeCharge(harness.subject(), makeLimit(2, '60s', block));
      await harness.charge(one);
      expect(await harness.charge(one)).toMatchObject({ exceeded: false, remaining: 0, resetAfter: 60 * SECOND });
      harness.now += 60 * SECOND;
      expect(await harness.charge(one)).toMatchObject({ exceeded: false, remaining: 1 });
    });

    it('reports when the block ends, in addition to when the hits fit', async () => {
      const limit = makeLimit(1, '3600s', block);
      const subject = harness.subject();
      await harness.charge(makeCharge(subject, limit));
      harness.now += SECOND;
      const atFirst = { exceeded: true, retryAfter: 3599 * SECOND, blockedFor: 600 * SECOND };
      expect(await harness.charge(makeCharge(subject, limit))).toMatchObject(atFirst);
      harness.now += 600 * SECOND;
      const later = { exceeded: true, retryAfter: 2999 * SECOND, blockedFor: 600 * SECOND };
      expect(await harness.charge(makeCharge(subject, limit))).toMatchObject(later);
    });

    it('does not extend a block with the rejections in it', async () => {
      const one = makeCharge(harness.subject(), makeLimit(1, '60s', block));
      await harness.decide({ charges: [one] }, { charges: [one] });
      for (let i = 0; i < 5; i++) {
        harness.now += 100 * SECOND;
        expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: (500 - i * 100) * SECOND });
      }
      harness.now += 100 * SECOND;
      expect(await harness.charge(one)).toMatchObject({ exceeded: false });
    });

    it('rejects also peeks, and fewer hits that would fit, while it blocks', async () => {
      const limit = makeLimit(3, '60s', block);
      const subject = harness.subject();
      await harness.charge(makeCharge(subject, limit, 4));
      for (const hits of [0, 1]) {
        const rejected = await harness.charge(makeCharge(subject, limit, hits));
        expect(rejected).toMatchObject({ exceeded: true, remaining: 0, retryAfter: 600 * SECOND });
      }
    });

    it('also begins a block at more hits than the limit, which never fit', async () => {
      const subject = harness.subject();
      const limit = makeLimit(3, '60s', block);
      expect(await harness.charge(makeCharge(subject, limit, 4))).toMatchObject({
        exceeded: true,
        retryAfter: undefined,
      });
      expect(await harness.charge(makeCharge(subject, limit))).toMatchObject({
        exceeded: true,
        retryAfter: 600 * SECOND,
      });
    });

    it('begins no block at the rejection of a peek', async () => {
      const subject = harness.subject();
      await harness.charge(makeCharge(subject, makeLimit(3, '60s', block), 3));
      const lowered = makeLimit(2, '60s', block);
      expect(await harness.charge(makeCharge(subject, lowered, 0))).toMatchObject({ retryAfter: 60 * SECOND });
      harness.now += 60 * SECOND;
      expect(await harness.charge(makeCharge(subject, lowered, 0))).toMatchObject({ exceeded: false, remaining: 2 });
    });

    it('blocks only the limit that was exceeded, not the others of the decision', async () => {
      const subject = harness.subject();
      const wide = makeCharge(subject, makeLimit(9, '60s', { ...block, name: 'wide' }));
      const narrow = makeCharge(subject, makeLimit(1, '60s', { ...block, name: 'narrow' }));
      const outcomes = await harness.decide(
        { charges: [wide, narrow] },
        { charges: [wide, narrow] },
        { charges: [wide] },
      );
      expect(outcomes.map(({ granted }) => granted)).toEqual([true, false, true]);
      expect(outcomes[2]?.charges[0]).toMatchObject({ remaining: 7 });
    });

    it('blocks within a batch from the rejection on, and keeps the grants before it', async () => {
      const limit = makeLimit(3, '60s', block);
      const subject = harness.subject();
      const outcomes = await harness.decide(
        ...[1, 1, 2, 1].map((hits) => ({ charges: [makeCharge(subject, limit, hits)] })),
      );
      expect(outcomes.map(({ granted }) => granted)).toEqual([true, true, false, false]);
      expect(outcomes.map(({ charges }) => charges[0]?.resetAfter)).toEqual([60, 60, 600, 600].map((s) => s * SECOND));
    });

    it('blocks no longer than that time after a clock that ran far ahead', async () => {
      const one = makeCharge(harness.subject(), makeLimit(1, '60s', block), 2);
      harness.now += 86_400 * SECOND;
      await harness.charge(one);
      harness.now -= 86_400 * SECOND;
      expect(await harness.charge({ ...one, hits: 1 })).toMatchObject({ exceeded: true, retryAfter: 600 * SECOND });
      harness.now += 600 * SECOND;
      expect(await harness.charge({ ...one, hits: 1 })).toMatchObject({ exceeded: false });
    });
  });
}
