import { describe, expect, it } from 'vitest';
import { chargeOf, limitOf, SECOND } from '../model/traces.ts';
import type { Bench } from './counter-store-contract.ts';

const slots = { algorithm: 'concurrency' } as const;

export function describeConcurrency(bench: Bench): void {
  describe('concurrency', () => {
    it('grants as many slots as the limit says, and a freed one again at once', async () => {
      const one = chargeOf(bench.subject(), limitOf(2, '60s', slots));
      const first = await bench.take(one);
      await bench.take(one);
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, remaining: 0 });
      expect(await bench.giveBack(first)).toEqual([1]);
      expect(await bench.charge(one)).toMatchObject({ exceeded: false, remaining: 0 });
      expect(await bench.charge(one)).toMatchObject({ exceeded: true });
    });

    it('promises no time: nobody knows when a slot is given back', async () => {
      const one = chargeOf(bench.subject(), limitOf(1, '60s', slots));
      await bench.take(one);
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: undefined });
    });

    it('frees a slot that nobody gives back at its time to live', async () => {
      const one = chargeOf(bench.subject(), limitOf(1, '60s', slots));
      await bench.take(one);
      bench.now += 60 * SECOND - 1;
      expect(await bench.charge(one)).toMatchObject({ exceeded: true });
      bench.now += 1;
      expect(await bench.charge(one)).toMatchObject({ exceeded: false });
    });

    it('frees one of more than 64 slots at its time to live, or a sixteenth of it later at most', async () => {
      const limit = limitOf(100, '16s', slots);
      const subject = bench.subject();
      bench.now += SECOND / 4;
      await bench.take(chargeOf(subject, limit, 100));
      bench.now += 16 * SECOND - 1;
      expect(await bench.charge(chargeOf(subject, limit))).toMatchObject({ exceeded: true });
      bench.now += SECOND;
      expect(await bench.charge(chargeOf(subject, limit, 100))).toMatchObject({ exceeded: false });
    });

    it('does not free a slot that was taken since, when one that had ended is given back', async () => {
      const one = chargeOf(bench.subject(), limitOf(1, '60s', slots));
      const ended = await bench.take(one);
      bench.now += 60 * SECOND;
      await bench.take(one);
      expect(await bench.giveBack(ended)).toEqual([undefined]);
      expect(await bench.charge(one)).toMatchObject({ exceeded: true });
    });

    it('takes several slots at once for a decision that costs more, and frees them together', async () => {
      const limit = limitOf(5, '60s', slots);
      const subject = bench.subject();
      const three = await bench.take(chargeOf(subject, limit, 3));
      expect(await bench.charge(chargeOf(subject, limit, 3))).toMatchObject({ exceeded: true, remaining: 2 });
      expect(await bench.giveBack(three)).toEqual([3]);
      expect(await bench.charge(chargeOf(subject, limit, 5))).toMatchObject({ exceeded: false });
    });
  });
}
