import { describe, expect, it } from 'vitest';
import { makeCharge, makeLimit, SECOND } from '../model/traces.ts';
import type { StoreHarness } from './counter-store-contract.ts';

const slots = { algorithm: 'concurrency' } as const;

export function describeConcurrency(bench: StoreHarness): void {
  describe('concurrency', () => {
    it('grants as many slots as the limit says, and a freed one again at once', async () => {
      const one = makeCharge(bench.subject(), makeLimit(2, '60s', slots));
      const first = await bench.takeReceipt(one);
      await bench.takeReceipt(one);
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, remaining: 0 });
      expect(await bench.refund(first)).toEqual([1]);
      expect(await bench.charge(one)).toMatchObject({ exceeded: false, remaining: 0 });
      expect(await bench.charge(one)).toMatchObject({ exceeded: true });
    });

    it('promises no time: nobody knows when a slot is given back', async () => {
      const one = makeCharge(bench.subject(), makeLimit(1, '60s', slots));
      await bench.takeReceipt(one);
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: undefined });
    });

    it('frees a slot that nobody gives back at its time to live', async () => {
      const one = makeCharge(bench.subject(), makeLimit(1, '60s', slots));
      await bench.takeReceipt(one);
      bench.now += 60 * SECOND - 1;
      expect(await bench.charge(one)).toMatchObject({ exceeded: true });
      bench.now += 1;
      expect(await bench.charge(one)).toMatchObject({ exceeded: false });
    });

    it('frees one of more than 64 slots at its time to live, or a sixteenth of it later at most', async () => {
      const limit = makeLimit(100, '16s', slots);
      const subject = bench.subject();
      bench.now += SECOND / 4;
      await bench.takeReceipt(makeCharge(subject, limit, 100));
      bench.now += 16 * SECOND - 1;
      expect(await bench.charge(makeCharge(subject, limit))).toMatchObject({ exceeded: true });
      bench.now += SECOND;
      expect(await bench.charge(makeCharge(subject, limit, 100))).toMatchObject({ exceeded: false });
    });

    it('does not free a slot that was taken since, when one that had ended is given back', async () => {
      const one = makeCharge(bench.subject(), makeLimit(1, '60s', slots));
      const ended = await bench.takeReceipt(one);
      bench.now += 60 * SECOND;
      await bench.takeReceipt(one);
      expect(await bench.refund(ended)).toEqual([undefined]);
      expect(await bench.charge(one)).toMatchObject({ exceeded: true });
    });

    it('takes several slots at once for a decision that costs more, and frees them together', async () => {
      const limit = makeLimit(5, '60s', slots);
      const subject = bench.subject();
      const three = await bench.takeReceipt(makeCharge(subject, limit, 3));
      expect(await bench.charge(makeCharge(subject, limit, 3))).toMatchObject({ exceeded: true, remaining: 2 });
      expect(await bench.refund(three)).toEqual([3]);
      expect(await bench.charge(makeCharge(subject, limit, 5))).toMatchObject({ exceeded: false });
    });
  });
}
