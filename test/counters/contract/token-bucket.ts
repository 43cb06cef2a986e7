import { describe, expect, it } from 'vitest';
import { makeCharge, makeLimit, SECOND } from '../model/traces.ts';
import type { StoreHarness } from './counter-store-contract.ts';

const bucket = (burst: number) => ({ algorithm: 'token_bucket', burst }) as const;

export function describeTokenBucket(bench: StoreHarness): void {
  describe('token_bucket', () => {
    it('grants its burst at once, then as many as are refilled', async () => {
      const one = makeCharge(bench.subject(), makeLimit(6, '60s', bucket(3)));
      for (const remaining of [2, 1, 0]) expect(await bench.charge(one)).toMatchObject({ exceeded: false, remaining });
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, remaining: 0, retryAfter: 10 * SECOND });
      bench.now += 10 * SECOND - 1;
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 1 });
      bench.now += 1;
      expect(await bench.charge(one)).toMatchObject({ exceeded: false, remaining: 0 });
      expect(await bench.charge(one)).toMatchObject({ exceeded: true });
    });

    it('tells when it is full again', async () => {
      const one = makeCharge(bench.subject(), makeLimit(6, '60s', bucket(3)));
      expect(await bench.charge(one)).toMatchObject({ resetAfter: 10 * SECOND });
      bench.now += 4 * SECOND;
      expect(await bench.charge(one)).toMatchObject({ remaining: 1, resetAfter: 16 * SECOND });
      bench.now += 16 * SECOND;
      expect(await bench.charge({ ...one, hits: 0 })).toMatchObject({ remaining: 3, resetAfter: 0 });
    });

    it('refills evenly, and never rounds anything away: 7 in 60 seconds', async () => {
      const one = makeCharge(bench.subject(), makeLimit(7, '60s', bucket(2)));
      const granted: number[] = [];
      const start = bench.now;
      while (granted.length < 15) {
        const { exceeded, retryAfter = 0 } = await bench.charge(one);
        if (exceeded) bench.now += retryAfter;
        else granted.push(bench.now - start);
      }
      expect(granted).toEqual(granted.map((_, i) => Math.ceil((Math.max(0, i - 1) * 60 * SECOND) / 7)));
    });

    it('holds no more than its burst, however long nobody asks', async () => {
      const limit = makeLimit(6, '60s', bucket(3));
      const subject = bench.subject();
      await bench.charge(makeCharge(subject, limit, 3));
      bench.now += 3600 * SECOND;
      expect(await bench.charge(makeCharge(subject, limit, 0))).toMatchObject({ remaining: 3 });
      expect(await bench.charge(makeCharge(subject, limit, 4))).toMatchObject({
        exceeded: true,
        retryAfter: undefined,
      });
    });

    it('tells when as many as asked fit, and grants them then', async () => {
      const limit = makeLimit(10, '60s', bucket(100));
      const subject = bench.subject();
      await bench.charge(makeCharge(subject, limit, 95));
      bench.now += SECOND;
      const { exceeded, retryAfter = 0 } = await bench.charge(makeCharge(subject, limit, 50));
      expect(exceeded).toBe(true);
      expect(retryAfter).toBe(45 * 6 * SECOND - SECOND);
      bench.now += retryAfter - 1;
      expect(await bench.charge(makeCharge(subject, limit, 50))).toMatchObject({ exceeded: true, retryAfter: 1 });
      bench.now += 1;
      expect(await bench.charge(makeCharge(subject, limit, 50))).toMatchObject({ exceeded: false, remaining: 0 });
    });

    it('keeps what was drawn when rate or burst are raised or lowered', async () => {
      const subject = bench.subject();
      await bench.charge(makeCharge(subject, makeLimit(6, '60s', bucket(5)), 4));
      expect(await bench.charge(makeCharge(subject, makeLimit(60, '60s', bucket(10)), 0))).toMatchObject({
        remaining: 6,
      });
      const lowered = makeCharge(subject, makeLimit(12, '60s', bucket(2)));
      expect(await bench.charge(lowered)).toMatchObject({ exceeded: true, remaining: 0, retryAfter: 15 * SECOND });
    });

    it('does not refill twice what a clock that is set back a little brings again', async () => {
      const one = makeCharge(bench.subject(), makeLimit(6, '60s', bucket(1)));
      await bench.charge(one);
      bench.now += 10 * SECOND;
      await bench.charge(one);
      bench.now -= 5 * SECOND;
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 15 * SECOND });
    });

    it('is refilled from now on after a clock that ran far ahead', async () => {
      const one = makeCharge(bench.subject(), makeLimit(6, '60s', bucket(1)));
      bench.now += 86_400 * SECOND;
      await bench.charge(one);
      bench.now -= 86_400 * SECOND;
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 10 * SECOND });
      bench.now += 10 * SECOND;
      expect(await bench.charge(one)).toMatchObject({ exceeded: false });
    });
  });
}
