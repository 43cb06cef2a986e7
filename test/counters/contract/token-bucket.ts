import { describe, expect, it } from 'vitest';
import { makeCharge, makeLimit, SECOND } from '../model/builders.ts';
import type { StoreHarness } from './store-harness.ts';

const bucket = (burst: number) => ({ algorithm: 'token_bucket', burst }) as const;

export function describeTokenBucket(harness: StoreHarness): void {
  describe('a token_bucket limit', () => {
    it('grants its burst at once, and then as many hits as are refilled', async () => {
      const one = makeCharge(harness.subject(), makeLimit(6, '60s', bucket(3)));
      for (const remaining of [2, 1, 0])
        expect(await harness.charge(one)).toMatchObject({ exceeded: false, remaining });
      expect(await harness.charge(one)).toMatchObject({ exceeded: true, remaining: 0, retryAfter: 10 * SECOND });
      harness.now += 10 * SECOND - 1;
      expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: 1 });
      harness.now += 1;
      expect(await harness.charge(one)).toMatchObject({ exceeded: false, remaining: 0 });
      expect(await harness.charge(one)).toMatchObject({ exceeded: true });
    });

    it('reports when it is full again', async () => {
      const one = makeCharge(harness.subject(), makeLimit(6, '60s', bucket(3)));
      expect(await harness.charge(one)).toMatchObject({ resetAfter: 10 * SECOND });
      harness.now += 4 * SECOND;
      expect(await harness.charge(one)).toMatchObject({ remaining: 1, resetAfter: 16 * SECOND });
      harness.now += 16 * SECOND;
      expect(await harness.charge({ ...one, hits: 0 })).toMatchObject({ remaining: 3, resetAfter: 0 });
    });

    it('refills evenly and loses nothing to rounding, with 7 hits in 60 seconds', async () => {
      const one = makeCharge(harness.subject(), makeLimit(7, '60s', bucket(2)));
      const granted: number[] = [];
      const start = harness.now;
      while (granted.length < 15) {
        const { exceeded, retryAfter = 0 } = await harness.charge(one);
        if (exceeded) harness.now += retryAfter;
        else granted.push(harness.now - start);
      }
      expect(granted).toEqual(granted.map((_, i) => Math.ceil((Math.max(0, i - 1) * 60 * SECOND) / 7)));
    });

    it('holds no more than its burst, however long it is not used', async () => {
      const limit = makeLimit(6, '60s', bucket(3));
      const subject = harness.subject();
      await harness.charge(makeCharge(subject, limit, 3));
      harness.now += 3600 * SECOND;
      expect(await harness.charge(makeCharge(subject, limit, 0))).toMatchObject({ remaining: 3 });
      expect(await harness.charge(makeCharge(subject, limit, 4))).toMatchObject({
        exceeded: true,
        retryAfter: undefined,
      });
    });

    it('reports when the same hits will fit, and grants them then', async () => {
      const limit = makeLimit(10, '60s', bucket(100));
      const subject = harness.subject();
      await harness.charge(makeCharge(subject, limit, 95));
      harness.now += SECOND;
      const { exceeded, retryAfter = 0 } = await harness.charge(makeCharge(subject, limit, 50));
      expect(exceeded).toBe(true);
      expect(retryAfter).toBe(45 * 6 * SECOND - SECOND);
      harness.now += retryAfter - 1;
      expect(await harness.charge(makeCharge(subject, limit, 50))).toMatchObject({ exceeded: true, retryAfter: 1 });
      harness.now += 1;
      expect(await harness.charge(makeCharge(subject, limit, 50))).toMatchObject({ exceeded: false, remaining: 0 });
    });

    it('keeps its hits when its rate or burst are raised or lowered', async () => {
      const subject = harness.subject();
      await harness.charge(makeCharge(subject, makeLimit(6, '60s', bucket(5)), 4));
      expect(await harness.charge(makeCharge(subject, makeLimit(60, '60s', bucket(10)), 0))).toMatchObject({
        remaining: 6,
      });
      const lowered = makeCharge(subject, makeLimit(12, '60s', bucket(2)));
      expect(await harness.charge(lowered)).toMatchObject({ exceeded: true, remaining: 0, retryAfter: 15 * SECOND });
    });

    it('does not refill the same time twice when the clock is set back a little', async () => {
      const one = makeCharge(harness.subject(), makeLimit(6, '60s', bucket(1)));
      await harness.charge(one);
      harness.now += 10 * SECOND;
      await harness.charge(one);
      harness.now -= 5 * SECOND;
      expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: 15 * SECOND });
    });

    it('refills from the current time on after a clock that ran far ahead', async () => {
      const one = makeCharge(harness.subject(), makeLimit(6, '60s', bucket(1)));
      harness.now += 86_400 * SECOND;
      await harness.charge(one);
      harness.now -= 86_400 * SECOND;
      expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: 10 * SECOND });
      harness.now += 10 * SECOND;
      expect(await harness.charge(one)).toMatchObject({ exceeded: false });
    });
  });
}
