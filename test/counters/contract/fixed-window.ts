import { describe, expect, it } from 'vitest';
import { makeCharge, makeLimit, SECOND } from '../model/builders.ts';
import type { StoreHarness } from './store-harness.ts';

const fixed = { algorithm: 'fixed_window' } as const;

export function describeFixedWindow(harness: StoreHarness): void {
  describe('a fixed_window limit', () => {
    it('grants all of the limit in each window, and again from the start of the next one', async () => {
      const one = makeCharge(harness.subject(), makeLimit(2, '60s', fixed));
      harness.now += 20 * SECOND;
      expect(await harness.charge(one)).toMatchObject({ exceeded: false, remaining: 1, resetAfter: 40 * SECOND });
      harness.now += 30 * SECOND;
      expect(await harness.charge(one)).toMatchObject({ exceeded: false, remaining: 0, resetAfter: 10 * SECOND });
      expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: 10 * SECOND });
      harness.now += 10 * SECOND - 1;
      expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: 1 });
      harness.now += 1;
      expect(await harness.charge({ ...one, hits: 2 })).toMatchObject({ exceeded: false, resetAfter: 60 * SECOND });
    });

    it("starts windows at multiples of their length since 1970, not at a subject's first hit", async () => {
      const one = makeCharge(harness.subject(), makeLimit(1, '7s', fixed));
      const next = Math.ceil(harness.now / (7 * SECOND)) * 7 * SECOND;
      expect(next).toBeGreaterThan(harness.now);
      expect(await harness.charge(one)).toMatchObject({ exceeded: false, resetAfter: next - harness.now });
      harness.now = next;
      expect(await harness.charge(one)).toMatchObject({ exceeded: false, resetAfter: 7 * SECOND });
    });

    it('keeps its hits when it is raised or lowered', async () => {
      const subject = harness.subject();
      await harness.charge(makeCharge(subject, makeLimit(10, '60s', fixed), 10));
      expect(await harness.charge(makeCharge(subject, makeLimit(100, '60s', fixed), 0))).toMatchObject({
        remaining: 90,
      });
      expect(await harness.charge(makeCharge(subject, makeLimit(5, '60s', fixed)))).toMatchObject({
        exceeded: true,
        remaining: 0,
        retryAfter: 60 * SECOND,
      });
    });

    it('stays in the new window when the clock is set back across its start', async () => {
      const one = makeCharge(harness.subject(), makeLimit(2, '60s', fixed));
      await harness.charge(one);
      harness.now -= SECOND;
      expect(await harness.charge(one)).toMatchObject({ remaining: 0, resetAfter: 61 * SECOND });
    });

    it('rejects no longer than until the end of the current window after a clock that ran far ahead', async () => {
      const one = makeCharge(harness.subject(), makeLimit(1, '60s', fixed));
      harness.now += 86_400 * SECOND;
      await harness.charge(one);
      harness.now -= 86_400 * SECOND;
      expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: 60 * SECOND });
    });
  });
}
