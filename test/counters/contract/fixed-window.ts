import { describe, expect, it } from 'vitest';
import { makeCharge, makeLimit, SECOND } from '../model/traces.ts';
import type { StoreHarness } from './counter-store-contract.ts';

const fixed = { algorithm: 'fixed_window' } as const;

export function describeFixedWindow(bench: StoreHarness): void {
  describe('fixed_window', () => {
    it('grants the limit in each window, and all of it again from the next one on', async () => {
      const one = makeCharge(bench.subject(), makeLimit(2, '60s', fixed));
      bench.now += 20 * SECOND;
      expect(await bench.charge(one)).toMatchObject({ exceeded: false, remaining: 1, resetAfter: 40 * SECOND });
      bench.now += 30 * SECOND;
      expect(await bench.charge(one)).toMatchObject({ exceeded: false, remaining: 0, resetAfter: 10 * SECOND });
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 10 * SECOND });
      bench.now += 10 * SECOND - 1;
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 1 });
      bench.now += 1;
      expect(await bench.charge({ ...one, hits: 2 })).toMatchObject({ exceeded: false, resetAfter: 60 * SECOND });
    });

    it("begins windows at multiples of their length since 1970, not at a subject's first hit", async () => {
      const one = makeCharge(bench.subject(), makeLimit(1, '7s', fixed));
      const next = Math.ceil(bench.now / (7 * SECOND)) * 7 * SECOND;
      expect(next).toBeGreaterThan(bench.now);
      expect(await bench.charge(one)).toMatchObject({ exceeded: false, resetAfter: next - bench.now });
      bench.now = next;
      expect(await bench.charge(one)).toMatchObject({ exceeded: false, resetAfter: 7 * SECOND });
    });

    it('keeps what was used when the limit is raised or lowered', async () => {
      const subject = bench.subject();
      await bench.charge(makeCharge(subject, makeLimit(10, '60s', fixed), 10));
      expect(await bench.charge(makeCharge(subject, makeLimit(100, '60s', fixed), 0))).toMatchObject({ remaining: 90 });
      expect(await bench.charge(makeCharge(subject, makeLimit(5, '60s', fixed)))).toMatchObject({
        exceeded: true,
        remaining: 0,
        retryAfter: 60 * SECOND,
      });
    });

    it('stays in the new window when the clock is set back across its start', async () => {
      const one = makeCharge(bench.subject(), makeLimit(2, '60s', fixed));
      await bench.charge(one);
      bench.now -= SECOND;
      expect(await bench.charge(one)).toMatchObject({ remaining: 0, resetAfter: 61 * SECOND });
    });

    it('blocks no longer than the current window after a clock that ran far ahead', async () => {
      const one = makeCharge(bench.subject(), makeLimit(1, '60s', fixed));
      bench.now += 86_400 * SECOND;
      await bench.charge(one);
      bench.now -= 86_400 * SECOND;
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 60 * SECOND });
    });
  });
}
