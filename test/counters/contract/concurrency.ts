import { describe, expect, it } from 'vitest';
import { makeCharge, makeLimit, SECOND } from '../model/builders.ts';
import type { StoreHarness } from './store-harness.ts';

const slots = { algorithm: 'concurrency' } as const;

export function describeConcurrency(harness: StoreHarness): void {
  describe('a concurrency limit', () => {
    it('grants as many slots as the limit allows, and a refunded slot again at once', async () => {
      const one = makeCharge(harness.subject(), makeLimit(2, '60s', slots));
      const first = await harness.grant(one);
      await harness.grant(one);
      expect(await harness.charge(one)).toMatchObject({ exceeded: true, remaining: 0 });
      expect(await harness.refund(first)).toEqual([1]);
      expect(await harness.charge(one)).toMatchObject({ exceeded: false, remaining: 0 });
      expect(await harness.charge(one)).toMatchObject({ exceeded: true });
    });

    it('reports no time at which a slot will be free, as nobody knows when one is refunded', async () => {
      const one = makeCharge(harness.subject(), makeLimit(1, '60s', slots));
      await harness.grant(one);
      expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: undefined });
    });

    it('frees a slot that is not refunded at the end of its time to live', async () => {
      const one = makeCharge(harness.subject(), makeLimit(1, '60s', slots));
      await harness.grant(one);
      harness.now += 60 * SECOND - 1;
      expect(await harness.charge(one)).toMatchObject({ exceeded: true });
      harness.now += 1;
      expect(await harness.charge(one)).toMatchObject({ exceeded: false });
    });

    it('frees a slot of more than 64 at the end of its time to live, or a sixteenth of it later at most', async () => {
      const limit = makeLimit(100, '16s', slots);
      const subject = harness.subject();
      harness.now += SECOND / 4;
      await harness.grant(makeCharge(subject, limit, 100));
      harness.now += 16 * SECOND - 1;
      expect(await harness.charge(makeCharge(subject, limit))).toMatchObject({ exceeded: true });
      harness.now += SECOND;
      expect(await harness.charge(makeCharge(subject, limit, 100))).toMatchObject({ exceeded: false });
    });

    it('does not free a newer slot when a slot that has ended is refunded', async () => {
      const one = makeCharge(harness.subject(), makeLimit(1, '60s', slots));
      const ended = await harness.grant(one);
      harness.now += 60 * SECOND;
      await harness.grant(one);
      expect(await harness.refund(ended)).toEqual([undefined]);
      expect(await harness.charge(one)).toMatchObject({ exceeded: true });
    });

    it('takes several slots at once for a decision with more hits, and frees them together', async () => {
      const limit = makeLimit(5, '60s', slots);
      const subject = harness.subject();
      const three = await harness.grant(makeCharge(subject, limit, 3));
      expect(await harness.charge(makeCharge(subject, limit, 3))).toMatchObject({ exceeded: true, remaining: 2 });
      expect(await harness.refund(three)).toEqual([3]);
      expect(await harness.charge(makeCharge(subject, limit, 5))).toMatchObject({ exceeded: false });
    });
  });
}
