import { describe, expect, it } from 'vitest';
import type { Correction } from '../../../src/decide/ports.ts';
import type { CountedLimit } from '../../../src/domain/limits/limit.ts';
import { DAY, HOUR, makeCalendarLimit, makeCharge, makeCredits, makeLimit, SECOND } from '../model/builders.ts';
import type { StoreHarness } from './store-harness.ts';

const limits = [
  makeLimit(3, '60s'),
  makeLimit(300, '60s'),
  makeLimit(3, '60s', { algorithm: 'fixed_window' }),
  makeLimit(3, '60s', { algorithm: 'token_bucket' }),
  makeCalendarLimit(3, 'hour'),
  makeLimit(3, '60s', { algorithm: 'concurrency' }),
  makeCredits(3),
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

export function describeCorrections(harness: StoreHarness): void {
  describe.each(limits)('a manual change of a counter ($algorithm of $requests, $name)', (limit) => {
    it('resets it: the whole limit is free, and earlier grants refund nothing to it', async () => {
      const subject = harness.subject();
      const all = makeCharge(subject, limit, limit.requests);
      const before = await harness.grant(all);
      expect(await harness.charge(makeCharge(subject, limit))).toMatchObject({ exceeded: true });
      await harness.correct(reset(subject, limit));
      expect(await harness.charge(makeCharge(subject, limit, 0))).toMatchObject({
        remaining: limit.requests,
        resetAfter: 0,
      });
      expect(await harness.refund(before)).toEqual([0]);
      harness.now += 5 * SECOND;
      expect(await harness.charge(all)).toMatchObject({ exceeded: false, remaining: 0 });
      expect(await harness.charge(makeCharge(subject, limit))).toMatchObject({ exceeded: true });
    });

    it.each([10 * SECOND, HOUR, 40 * DAY])(
      'blocks it for %i µs: everything is rejected until then',
      async (microseconds) => {
        const subject = harness.subject();
        const one = makeCharge(subject, limit);
        await harness.correct(block(subject, limit, microseconds));
        const retryAfter = limit.algorithm === 'concurrency' ? undefined : microseconds;
        for (const hits of [0, 1, 1]) {
          const rejected = await harness.charge({ ...one, hits });
          expect(rejected).toMatchObject({ exceeded: true, remaining: 0, resetAfter: microseconds, retryAfter });
        }
        harness.now += microseconds - 1;
        expect(await harness.charge(one)).toMatchObject({ exceeded: true, resetAfter: 1 });
        harness.now += 1;
        expect(await harness.charge(one)).toMatchObject({ exceeded: false, remaining: limit.requests - 1 });
      },
    );

    it('blocks and unblocks it without changing its hits', async () => {
      const subject = harness.subject();
      const one = makeCharge(subject, limit);
      await harness.charge(one);
      await harness.correct(block(subject, limit, HOUR));
      harness.now += SECOND;
      expect(await harness.charge(one)).toMatchObject({ exceeded: true });
      await harness.correct(unblock(subject, limit));
      expect(await harness.charge(makeCharge(subject, limit, 0))).toMatchObject({
        exceeded: false,
        remaining: limit.requests - 1,
      });
      expect(await harness.charge(one)).toMatchObject({ exceeded: false, remaining: limit.requests - 2 });
    });

    it('replaces a block by a later one, also by a shorter one, and ends it with a reset', async () => {
      const subject = harness.subject();
      const one = makeCharge(subject, limit);
      await harness.correct(block(subject, limit, HOUR), block(subject, limit, SECOND));
      expect(await harness.charge(one)).toMatchObject({ exceeded: true, resetAfter: SECOND });
      await harness.correct(block(subject, limit, HOUR), reset(subject, limit));
      expect(await harness.charge(one)).toMatchObject({ exceeded: false, remaining: limit.requests - 1 });
    });
  });

  describe('a manual change of a counter', () => {
    it('affects one limit of a subject, and neither its other limits nor other subjects', async () => {
      const [subject, other] = [harness.subject(), harness.subject('other')];
      const named = limits.map((limit, index) => ({ ...limit, identity: `${index}` }));
      const charges = named.map((limit) => makeCharge(subject, limit, 2));
      await harness.decide({ charges }, { charges: named.map((limit) => makeCharge(other, limit, 2)) });
      const [first, second] = named;
      if (first === undefined || second === undefined) throw new Error('the test needs two limits');
      await harness.correct(reset(subject, first), block(subject, second, HOUR));
      const peek = async (peeked: string) => {
        const outcome = await harness.decideOne(...named.map((limit) => makeCharge(peeked, limit, 0)));
        return outcome.charges.map(({ remaining, exceeded }) => (exceeded ? 'blocked' : remaining));
      };
      expect(await peek(subject)).toEqual([3, 'blocked', 1, 1, 1, 1, 1, 1]);
      expect(await peek(other)).toEqual([1, 298, 1, 1, 1, 1, 1, 1]);
    });

    it('ends a block that a rejection began, and can block for longer than block_for', async () => {
      const limit = makeLimit(1, '60s', { blockForSeconds: 30 });
      const subject = harness.subject();
      const one = makeCharge(subject, limit);
      await harness.decide({ charges: [one] }, { charges: [one] });
      expect(await harness.charge(one)).toMatchObject({ retryAfter: 60 * SECOND, resetAfter: 60 * SECOND });
      harness.now += 60 * SECOND;
      await harness.charge(makeCharge(subject, limit, 2));
      expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: 30 * SECOND });
      await harness.correct(unblock(subject, limit));
      expect(await harness.charge(makeCharge(subject, limit, 0))).toMatchObject({ exceeded: false, remaining: 1 });
      await harness.correct(block(subject, limit, 100 * SECOND));
      harness.now += 40 * SECOND;
      expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: 60 * SECOND });
    });

    it('leaves nothing behind when it resets or unblocks a counter that does not exist', async () => {
      const limit = makeLimit(3, '60s');
      const subject = harness.subject();
      await harness.correct(reset(subject, limit), unblock(subject, limit));
      expect(await harness.charge(makeCharge(subject, limit, 3))).toMatchObject({ exceeded: false, remaining: 0 });
    });
  });
}
