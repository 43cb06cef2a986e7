import { describe, expect, it } from 'vitest';
import type { Correction } from '../../../src/decide/ports.ts';
import type { CountedLimit } from '../../../src/domain/limits/limit.ts';
import { DAY, HOUR, makeCalendarLimit, makeCharge, makeLimit, SECOND } from '../model/traces.ts';
import type { StoreHarness } from './counter-store-contract.ts';

const limits = [
  makeLimit(3, '60s'),
  makeLimit(300, '60s'),
  makeLimit(3, '60s', { algorithm: 'fixed_window' }),
  makeLimit(3, '60s', { algorithm: 'token_bucket' }),
  makeCalendarLimit(3, 'hour'),
  makeLimit(3, '60s', { algorithm: 'concurrency' }),
  makeLimit(3, '60s', { name: 'blocking', blockForSeconds: 30 }),
];

function reset(subject: string, limit: CountedLimit): Correction {
  return { subject, limit, change: { kind: 'reset' } };
}

function block(subject: string, limit: CountedLimit, microseconds: number): Correction {
  return { subject, limit, change: { kind: 'block', microseconds } };
}

function unblock(subject: string, limit: CountedLimit): Correction {
  return { subject, limit, change: { kind: 'unblock' } };
}

export function describeCorrections(bench: StoreHarness): void {
  describe.each(limits)('by hand: $algorithm of $requests, $name', (limit) => {
    it('a reset makes all of it free, and what was granted before is not given back to what comes after', async () => {
      const subject = bench.subject();
      const all = makeCharge(subject, limit, limit.requests);
      const before = await bench.takeReceipt(all);
      expect(await bench.charge(makeCharge(subject, limit))).toMatchObject({ exceeded: true });
      await bench.correct(reset(subject, limit));
      expect(await bench.charge(makeCharge(subject, limit, 0))).toMatchObject({
        remaining: limit.requests,
        resetAfter: 0,
      });
      expect(await bench.refund(before)).toEqual([0]);
      bench.now += 5 * SECOND;
      expect(await bench.charge(all)).toMatchObject({ exceeded: false, remaining: 0 });
      expect(await bench.charge(makeCharge(subject, limit))).toMatchObject({ exceeded: true });
    });

    it.each([10 * SECOND, HOUR, 40 * DAY])(
      'a block of %i µs refuses everything, and then ends',
      async (microseconds) => {
        const subject = bench.subject();
        const one = makeCharge(subject, limit);
        await bench.correct(block(subject, limit, microseconds));
        const retryAfter = limit.algorithm === 'concurrency' ? undefined : microseconds;
        for (const hits of [0, 1, 1]) {
          const refused = await bench.charge({ ...one, hits });
          expect(refused).toMatchObject({ exceeded: true, remaining: 0, resetAfter: microseconds, retryAfter });
        }
        bench.now += microseconds - 1;
        expect(await bench.charge(one)).toMatchObject({ exceeded: true, resetAfter: 1 });
        bench.now += 1;
        expect(await bench.charge(one)).toMatchObject({ exceeded: false, remaining: limit.requests - 1 });
      },
    );

    it('a block leaves what was charged, and an end of it gives the rest', async () => {
      const subject = bench.subject();
      const one = makeCharge(subject, limit);
      await bench.charge(one);
      await bench.correct(block(subject, limit, HOUR));
      bench.now += SECOND;
      expect(await bench.charge(one)).toMatchObject({ exceeded: true });
      await bench.correct(unblock(subject, limit));
      expect(await bench.charge(makeCharge(subject, limit, 0))).toMatchObject({
        exceeded: false,
        remaining: limit.requests - 1,
      });
      expect(await bench.charge(one)).toMatchObject({ exceeded: false, remaining: limit.requests - 2 });
    });

    it('a later block takes the place of an earlier one, also where it is shorter, and a reset ends it', async () => {
      const subject = bench.subject();
      const one = makeCharge(subject, limit);
      await bench.correct(block(subject, limit, HOUR), block(subject, limit, SECOND));
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, resetAfter: SECOND });
      await bench.correct(block(subject, limit, HOUR), reset(subject, limit));
      expect(await bench.charge(one)).toMatchObject({ exceeded: false, remaining: limit.requests - 1 });
    });
  });

  describe('by hand', () => {
    it('changes one limit of a subject and leaves its others, and other subjects', async () => {
      const [subject, other] = [bench.subject(), bench.subject('other')];
      const named = limits.map((limit, place) => ({ ...limit, identity: `${place}` }));
      const charges = named.map((limit) => makeCharge(subject, limit, 2));
      await bench.decide({ charges }, { charges: named.map((limit) => makeCharge(other, limit, 2)) });
      const [first, second] = named;
      if (first === undefined || second === undefined) throw new Error('the test needs two limits');
      await bench.correct(reset(subject, first), block(subject, second, HOUR));
      const look = async (of: string) => {
        const outcome = await bench.decideOne(...named.map((limit) => makeCharge(of, limit, 0)));
        return outcome.charges.map(({ remaining, exceeded }) => (exceeded ? 'blocked' : remaining));
      };
      expect(await look(subject)).toEqual([3, 'blocked', 1, 1, 1, 1, 1]);
      expect(await look(other)).toEqual([1, 298, 1, 1, 1, 1, 1]);
    });

    it('ends a block that a refusal began; a block by hand is not cut to the length of those', async () => {
      const limit = makeLimit(1, '60s', { blockForSeconds: 30 });
      const subject = bench.subject();
      const one = makeCharge(subject, limit);
      await bench.decide({ charges: [one] }, { charges: [one] });
      expect(await bench.charge(one)).toMatchObject({ retryAfter: 60 * SECOND, resetAfter: 60 * SECOND });
      bench.now += 60 * SECOND;
      await bench.charge(makeCharge(subject, limit, 2));
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 30 * SECOND });
      await bench.correct(unblock(subject, limit));
      expect(await bench.charge(makeCharge(subject, limit, 0))).toMatchObject({ exceeded: false, remaining: 1 });
      await bench.correct(block(subject, limit, 100 * SECOND));
      bench.now += 40 * SECOND;
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 60 * SECOND });
    });

    it('does nothing to counters that are not there, but for a block', async () => {
      const limit = makeLimit(3, '60s');
      const subject = bench.subject();
      await bench.correct(reset(subject, limit), unblock(subject, limit));
      expect(await bench.charge(makeCharge(subject, limit, 3))).toMatchObject({ exceeded: false, remaining: 0 });
    });
  });
}
