import { describe, expect, it } from 'vitest';
import type { Correction } from '../../../src/decide/ports.ts';
import { CREDITS_END } from '../../../src/domain/counting/credit-balance.ts';
import type { CountedLimit } from '../../../src/domain/limits/limit.ts';
import { DAY, HOUR, makeCharge, makeCredits, makeLimit, makeSettlement } from '../model/builders.ts';
import type { StoreHarness } from './store-harness.ts';

const ten = makeCredits(10);

function add(subject: string, credits: number, requestId?: string, limit: CountedLimit = ten): Correction {
  return { subject, limit, change: { kind: 'add_credits', credits, requestId } };
}

export function describeCredits(harness: StoreHarness): void {
  describe('a credits limit', () => {
    describeSpending(harness);
    describeAddedCredits(harness);
    describeChanges(harness);
  });
}

function describeSpending(harness: StoreHarness): void {
  it('only goes down, however long it takes, and promises no retry', async () => {
    const subject = harness.subject();
    expect(await harness.charge(makeCharge(subject, ten, 0))).toMatchObject({ remaining: 10, resetAfter: 0 });
    for (const remaining of [6, 2]) {
      expect(await harness.charge(makeCharge(subject, ten, 4))).toMatchObject({ exceeded: false, remaining });
      harness.now += 3650 * DAY;
    }
    expect(await harness.charge(makeCharge(subject, ten, 3))).toMatchObject({
      exceeded: true,
      remaining: 2,
      resetAfter: CREDITS_END - harness.now,
      retryAfter: undefined,
      blockedFor: undefined,
    });
    expect(await harness.charge(makeCharge(subject, ten, 2))).toMatchObject({ exceeded: false, remaining: 0 });
    expect(await harness.charge(makeCharge(subject, ten, 0))).toMatchObject({ exceeded: false, remaining: 0 });
    expect(await harness.charge(makeCharge(subject, ten))).toMatchObject({ exceeded: true, retryAfter: undefined });
  });

  it('decides many decisions of one batch in order', async () => {
    const one = makeCharge(harness.subject(), ten, 3);
    const outcomes = await harness.decide(...Array.from({ length: 5 }, () => ({ charges: [one] })));
    expect(outcomes.map(({ granted, charges }) => [granted, charges[0]?.remaining])).toEqual([
      [true, 7],
      [true, 4],
      [true, 1],
      [false, 1],
      [false, 1],
    ]);
  });

  it('is charged together with other limits of its subject, or not at all', async () => {
    const subject = harness.subject();
    const rate = makeLimit(2, '60s');
    const both = [makeCharge(subject, ten), makeCharge(subject, rate)];
    for (const granted of [true, true, false]) expect(await harness.decideOne(...both)).toMatchObject({ granted });
    harness.now += HOUR;
    expect((await harness.decideOne(...both)).charges.map(({ remaining }) => remaining)).toEqual([7, 1]);
  });

  it('is given back what a receipt refunds, once and never more than was spent', async () => {
    const subject = harness.subject();
    const receipt = await harness.grant(makeCharge(subject, ten, 4));
    await harness.charge(makeCharge(subject, ten, 1));
    harness.now += HOUR / 2;
    expect(await harness.refund(receipt)).toEqual([4]);
    expect(await harness.refund(receipt)).toEqual([undefined]);
    expect(await harness.charge(makeCharge(subject, ten, 0))).toMatchObject({ remaining: 9 });
    const { granted } = receipt;
    const another = { ...receipt, id: 'another', granted };
    expect(await harness.refund(another)).toEqual([1]);
    expect(await harness.charge(makeCharge(subject, ten, 0))).toMatchObject({ remaining: 10, resetAfter: 0 });
  });

  it('is in debt after a settlement beyond it, until credits are added', async () => {
    const subject = harness.subject();
    await harness.charge(makeSettlement(subject, ten, 15));
    for (const hits of [0, 1]) {
      const rejected = await harness.charge(makeCharge(subject, ten, hits));
      expect(rejected).toMatchObject({ exceeded: true, remaining: 0, retryAfter: undefined });
    }
    await harness.correct(add(subject, 7));
    expect(await harness.charge(makeCharge(subject, ten, 0))).toMatchObject({ exceeded: false, remaining: 2 });
  });

  it('charges what it rejects, with charge_rejected, up to a debt of a uint32', async () => {
    const subject = harness.subject();
    const owing = makeCredits(10, { name: 'owing', chargeRejected: true });
    await harness.correct(add(subject, 5, undefined, owing));
    expect(await harness.charge(makeCharge(subject, owing, 20))).toMatchObject({ exceeded: true, remaining: 0 });
    await harness.correct(add(subject, 6, undefined, owing));
    expect(await harness.charge(makeCharge(subject, owing, 0))).toMatchObject({ exceeded: false, remaining: 1 });
    for (let time = 0; time < 2; time++) await harness.charge(makeCharge(subject, owing, 2 ** 32 - 1));
    await harness.correct(add(subject, 2 ** 32 - 1, undefined, owing));
    expect(await harness.charge(makeCharge(subject, owing, 0))).toMatchObject({ exceeded: false, remaining: 0 });
  });
}

function describeAddedCredits(harness: StoreHarness): void {
  it('has what was added as well, before the first charge and after the last', async () => {
    const subject = harness.subject();
    await harness.correct(add(subject, 5));
    expect(await harness.charge(makeCharge(subject, ten, 15))).toMatchObject({ exceeded: false, remaining: 0 });
    await harness.correct(add(subject, 4_294_967_295));
    harness.now += 3650 * DAY;
    expect(await harness.charge(makeCharge(subject, ten))).toMatchObject({ remaining: 4_294_967_294 });
  });

  it('adds once for each request id, for a week and for each counter', async () => {
    const [subject, other] = [harness.subject(), harness.subject('other')];
    const second = makeCredits(10, { name: 'second' });
    const remaining = async (who: string, limit: CountedLimit = ten) =>
      (await harness.charge(makeCharge(who, limit, 0))).remaining;
    for (let time = 0; time < 3; time++) await harness.correct(add(subject, 5, 'payment'));
    expect(await remaining(subject)).toBe(15);
    await harness.correct(add(subject, 5, 'payment-2'), add(other, 5, 'payment'), add(subject, 1, 'payment', second));
    expect([await remaining(subject), await remaining(other), await remaining(subject, second)]).toEqual([20, 15, 11]);
    for (let time = 0; time < 2; time++) await harness.correct(add(subject, 5));
    expect(await remaining(subject)).toBe(30);
  });
}

function describeChanges(harness: StoreHarness): void {
  it('has more left when requests are raised, and less when they are lowered', async () => {
    const subject = harness.subject();
    await harness.charge(makeCharge(subject, ten, 6));
    const remaining = async (requests: number) => harness.charge(makeCharge(subject, makeCredits(requests), 0));
    expect(await remaining(100)).toMatchObject({ remaining: 94 });
    expect(await remaining(7)).toMatchObject({ remaining: 1 });
    expect(await remaining(5)).toMatchObject({ remaining: 0, exceeded: true });
    expect(await remaining(10)).toMatchObject({ remaining: 4 });
  });

  it('has all of it left after a reset, what was added included', async () => {
    const subject = harness.subject();
    await harness.correct(add(subject, 5));
    await harness.charge(makeCharge(subject, ten, 12));
    await harness.correct({ subject, limit: ten, change: { kind: 'reset' } });
    expect(await harness.charge(makeCharge(subject, ten, 0))).toMatchObject({ remaining: 15 });
  });

  it('keeps its credits while it is blocked', async () => {
    const subject = harness.subject();
    await harness.charge(makeCharge(subject, ten, 4));
    await harness.correct({ subject, limit: ten, change: { kind: 'block', microseconds: HOUR } });
    await harness.correct(add(subject, 1));
    const blocked = await harness.charge(makeCharge(subject, ten));
    expect(blocked).toMatchObject({ exceeded: true, remaining: 0, retryAfter: HOUR, blockedFor: HOUR });
    expect(await harness.charge(makeCharge(subject, ten, 8))).toMatchObject({ exceeded: true, retryAfter: undefined });
    harness.now += HOUR;
    expect(await harness.charge(makeCharge(subject, ten))).toMatchObject({ exceeded: false, remaining: 6 });
  });
}
