import { describe, expect, it } from 'vitest';
import type { Bench } from './counter-store-contract.ts';
import { chargeOf, limitOf, SECOND } from './traces.ts';

const HOUR = 3600 * SECOND;
const MINUTE = 60 * SECOND;

export function describeCalendar(bench: Bench): void {
  describe('calendar', () => {
    it('grants the limit in each whole hour of UTC, and again from the next hour on', async () => {
      const one = chargeOf(bench.subject(), limitOf(1, '1h', 'calendar'));
      expect(await bench.charge(one)).toMatchObject({ exceeded: false, remaining: 0, resetAfter: 40 * MINUTE });
      bench.now += 40 * MINUTE - 1;
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 1 });
      bench.now += 1;
      expect(await bench.charge(one)).toMatchObject({ exceeded: false, resetAfter: HOUR });
    });

    it('counts days from midnight of UTC', async () => {
      const limit = limitOf(1000, '1d', 'calendar');
      const subject = bench.subject();
      expect(await bench.charge(chargeOf(subject, limit, 400))).toMatchObject({
        remaining: 600,
        resetAfter: 11 * HOUR + 40 * MINUTE,
      });
      bench.now += 11 * HOUR + 40 * MINUTE - 1;
      expect(await bench.charge(chargeOf(subject, limit, 601))).toMatchObject({ exceeded: true, retryAfter: 1 });
      bench.now += 1;
      expect(await bench.charge(chargeOf(subject, limit, 1000))).toMatchObject({ exceeded: false, remaining: 0 });
    });

    it('keeps what was used when the limit is raised or lowered', async () => {
      const subject = bench.subject();
      await bench.charge(chargeOf(subject, limitOf(10, '1h', 'calendar'), 10));
      expect(await bench.charge(chargeOf(subject, limitOf(100, '1h', 'calendar'), 0))).toMatchObject({ remaining: 90 });
      expect(await bench.charge(chargeOf(subject, limitOf(5, '1h', 'calendar')))).toMatchObject({
        exceeded: true,
        remaining: 0,
        retryAfter: 40 * MINUTE,
      });
    });

    it('stays in the new hour when the clock is set back across its start', async () => {
      const one = chargeOf(bench.subject(), limitOf(2, '1h', 'calendar'));
      bench.now += 40 * MINUTE;
      await bench.charge(one);
      bench.now -= SECOND;
      expect(await bench.charge(one)).toMatchObject({ remaining: 0, resetAfter: HOUR + SECOND });
    });

    it('blocks no longer than the current hour after a clock that ran far ahead', async () => {
      const one = chargeOf(bench.subject(), limitOf(1, '1h', 'calendar'));
      bench.now += 1000 * HOUR;
      await bench.charge(one);
      bench.now -= 1000 * HOUR;
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 40 * MINUTE });
    });
  });
}
