import { describe, expect, it } from 'vitest';
import type { Charge } from '../../../src/decide/ports.ts';
import type { CountedLimit } from '../../../src/domain/limits/limit.ts';
import { makeCalendarLimit, makeCharge, makeLimit, SECOND } from '../model/builders.ts';
import type { StoreHarness } from './store-harness.ts';

const owing = { chargeRejected: true } as const;
/** Limits of 100 hits with `charge_rejected`, of all algorithms. */
const limits = [
  makeLimit(100, '60s', owing),
  makeLimit(100, '60s', { ...owing, algorithm: 'fixed_window' }),
  makeLimit(100, '60s', { ...owing, algorithm: 'token_bucket' }),
  makeCalendarLimit(100, 'hour', owing),
];
const MAX_UINT32 = 2 ** 32 - 1;

export function describeRejectedCharges(harness: StoreHarness): void {
  /** Charges each number of hits as a decision of its own, one after another. */
  const chargeInTurn = async (limit: CountedLimit, hits: readonly number[]) => {
    const subject = harness.subject();
    const exceeded: boolean[] = [];
    for (const count of hits) exceeded.push((await harness.charge(makeCharge(subject, limit, count))).exceeded);
    return exceeded;
  };
  const remaining = async ({ subject, limit }: Charge) =>
    (await harness.charge(makeCharge(subject, limit, 0))).remaining;

  describe('a limit that charges rejected requests', () => {
    it.each(limits)(
      'goes into debt with usage that does not fit, and then rejects a peek ($algorithm)',
      async (limit) => {
        expect(await chargeInTurn(limit, [0, 60, 0, 60, 0, 60])).toEqual([false, false, false, true, true, true]);
      },
    );

    it.each(limits)('grants a peek when exactly all of it is charged ($algorithm)', async (limit) => {
      expect(await chargeInTurn(limit, [100, 0, 1, 0])).toEqual([false, false, true, true]);
    });

    it.each(limits)('charges a report that is larger than the limit ($algorithm)', async (limit) => {
      expect(await chargeInTurn(limit, [0, 250, 0])).toEqual([false, true, true]);
    });

    it.each(limits)('is out of debt when its window ends, however large the debt is ($algorithm)', async (limit) => {
      const subject = harness.subject();
      for (let report = 0; report < 3; report++) {
        expect(await harness.charge(makeCharge(subject, limit, MAX_UINT32))).toMatchObject({
          exceeded: true,
          remaining: 0,
          retryAfter: undefined, // as many hits never fit
        });
      }
      const peek = makeCharge(subject, limit, 0);
      const { retryAfter = Number.NaN } = await harness.charge(peek);
      const untilWindowEnds = limit.algorithm === 'calendar' ? 40 * 60 : (60 * 17) / 16;
      expect(retryAfter).toBeLessThanOrEqual(untilWindowEnds * SECOND);
      harness.now += retryAfter - 1;
      expect(await harness.charge(peek)).toMatchObject({ exceeded: true });
      harness.now += 1;
      expect(await harness.charge(peek)).toMatchObject({ exceeded: false });
    });

    it('owes at most a uint32', async () => {
      const limit = makeLimit(100, '60s', { ...owing, algorithm: 'fixed_window' });
      const subject = harness.subject();
      for (let report = 0; report < 3; report++) await harness.charge(makeCharge(subject, limit, MAX_UINT32));
      // The counter under another limit shows how much is charged.
      const { charges } = await harness.decideOne(makeCharge(subject, { ...limit, requests: 2 * MAX_UINT32 }, 0));
      expect(charges[0]?.remaining).toBe(MAX_UINT32 - 100);
    });

    it.each(limits)('is charged when another limit rejects the request ($algorithm)', async (limit) => {
      const subject = harness.subject();
      const requests = makeLimit(1, '60s', { name: 'requests' });
      const both = [makeCharge(subject, limit, 40), makeCharge(subject, requests)] as const;
      expect(await harness.decideOne(...both)).toMatchObject({ granted: true, charges: [{ remaining: 60 }, {}] });
      expect(await harness.decideOne(...both)).toMatchObject({
        granted: false,
        charges: [
          { exceeded: false, remaining: 20, retryAfter: undefined },
          { exceeded: true, remaining: 0 },
        ],
      });
      expect(await harness.decideOne(...both)).toMatchObject({
        granted: false,
        charges: [{ exceeded: true, remaining: 0 }, { exceeded: true }],
      });
      expect(await harness.charge(makeCharge(subject, limit, 0))).toMatchObject({ exceeded: true });
    });

    it('leaves the other limits of a rejected request uncharged', async () => {
      const subject = harness.subject();
      const [tokens, requests] = [makeLimit(100, '60s', owing), makeLimit(5, '60s', { name: 'requests' })];
      const decision = [makeCharge(subject, tokens, 250), makeCharge(subject, requests, 2)] as const;
      expect(await harness.decideOne(...decision)).toMatchObject({
        granted: false,
        charges: [{ exceeded: true }, { exceeded: false, remaining: 5 }],
      });
      expect(await remaining(decision[1])).toBe(5);
    });

    it('charges the limits of all subjects of a rejected request', async () => {
      const limit = makeLimit(100, '60s', owing);
      const [one, other] = [harness.subject('one'), harness.subject('other')];
      const decision = [makeCharge(one, limit, 250), makeCharge(other, limit, 30)] as const;
      expect(await harness.decideOne(...decision)).toMatchObject({ granted: false });
      expect(await harness.charge(makeCharge(one, limit, 0))).toMatchObject({ exceeded: true });
      expect(await remaining(decision[1])).toBe(70);
    });

    it('charges every equal decision of a batch, those that fit and those that do not', async () => {
      const subject = harness.subject();
      const [tokens, requests] = [
        makeLimit(100, '60s', { ...owing, algorithm: 'fixed_window' }),
        makeLimit(2, '60s', { name: 'requests' }),
      ];
      const decision = { charges: [makeCharge(subject, tokens, 25), makeCharge(subject, requests)] };
      const outcomes = await harness.decide(...Array.from({ length: 6 }, () => decision));
      expect(outcomes.map(({ granted }) => granted)).toEqual([true, true, false, false, false, false]);
      expect(outcomes.map(({ charges }) => charges[0]?.remaining)).toEqual([75, 50, 25, 0, 0, 0]);
      expect(outcomes.map(({ charges }) => charges[0]?.exceeded)).toEqual([false, false, false, false, true, true]);
      expect(outcomes.map(({ charges }) => charges[1]?.remaining)).toEqual([1, 0, 0, 0, 0, 0]);
    });

    it('charges rejected requests while it blocks', async () => {
      const limit = makeLimit(100, '600s', { ...owing, blockForSeconds: 10 });
      const subject = harness.subject();
      await harness.charge(makeCharge(subject, limit, 101));
      await harness.correct({ subject, limit, change: { kind: 'reset' } });
      await harness.correct({ subject, limit, change: { kind: 'block', microseconds: 10 * SECOND } });
      expect(await harness.charge(makeCharge(subject, limit, 30))).toMatchObject({ exceeded: true, remaining: 0 });
      harness.now += 10 * SECOND;
      expect(await remaining(makeCharge(subject, limit))).toBe(70);
    });

    it('does not charge rejected hits that are only reserved for later', async () => {
      const limit = makeLimit(100, '60s', owing);
      const subject = harness.subject();
      const reserved = { ...makeCharge(subject, limit, 250), spentWithinMicros: SECOND };
      expect(await harness.charge(reserved)).toMatchObject({ exceeded: true });
      expect(await remaining(reserved)).toBe(100);
    });

    it('sums the charges of one counter', async () => {
      const charge = makeCharge(harness.subject(), makeLimit(100, '60s', owing), 60);
      const { granted, charges } = await harness.decideOne(charge, charge);
      expect(granted).toBe(false);
      expect(charges).toEqual([charges[0], charges[0]]);
      expect(await harness.charge({ ...charge, hits: 0 })).toMatchObject({ exceeded: true });
    });
  });
}
