import { describe, expect, it } from 'vitest';
import type { Receipt } from '../../../src/decide/ports.ts';
import { createReceipt } from '../../../src/decide/receipts/receipt.ts';
import { HOUR, makeCalendarLimit, makeCharge, makeCredits, makeLimit, SECOND } from '../model/builders.ts';
import type { StoreHarness } from './store-harness.ts';

const limits = [
  makeLimit(10, '2h'),
  makeLimit(100, '2h'),
  makeLimit(10, '2h', { algorithm: 'fixed_window' }),
  makeCalendarLimit(10, 'day'),
  makeLimit(10, '2h', { algorithm: 'concurrency' }),
  makeLimit(100, '2h', { algorithm: 'concurrency' }),
  makeCredits(10),
];
const bucket = makeLimit(6, '60s', { algorithm: 'token_bucket', burst: 10 });

export function describeReceipts(harness: StoreHarness): void {
  describe('a receipt', () => {
    describeRefunds(harness);
    describeTokenBuckets(harness);
    describeSingleUse(harness);
    describeIgnoredReceipts(harness);
  });
}

function describeRefunds(harness: StoreHarness): void {
  it.each(limits)('refunds exactly what the grant charged, at once ($algorithm, $requests requests)', async (limit) => {
    const subject = harness.subject();
    await harness.charge(makeCharge(subject, limit, 2));
    harness.now += SECOND;
    const receipt = await harness.grant(makeCharge(subject, limit, 3));
    harness.now += SECOND;
    await harness.charge(makeCharge(subject, limit, 4));
    expect(await harness.refund(receipt)).toEqual([3]);
    expect(await harness.charge(makeCharge(subject, limit, 0))).toMatchObject({ remaining: limit.requests - 6 });
    expect(await harness.charge(makeCharge(subject, limit, limit.requests - 6))).toMatchObject({ exceeded: false });
  });

  it('refunds nothing of other charges on the same counter, not even of one at the same time', async () => {
    const one = makeCharge(harness.subject(), makeLimit(5, '60s'));
    const [first] = [await harness.grant(one), await harness.grant(one), await harness.grant(one)];
    expect(await harness.refund(first)).toEqual([1]);
    expect(await harness.charge({ ...one, hits: 0 })).toMatchObject({ remaining: 3 });
  });

  it('refunds every charge of the decision, reports the sum, and ignores peeks', async () => {
    const subject = harness.subject();
    const charges = ['a', 'b', 'c'].map((name, i) => makeCharge(subject, makeLimit(9, '60s', { name }), i));
    const receipt = await harness.grant(...charges);
    expect(await harness.refund(receipt)).toEqual([3]);
    const { charges: outcomes } = await harness.decideOne(...charges.map((each) => ({ ...each, hits: 0 })));
    expect(outcomes.map(({ remaining, resetAfter }) => [remaining, resetAfter])).toEqual(
      [9, 9, 9].map((all) => [all, 0]),
    );
  });

  it('refunds both of two charges on the same counter', async () => {
    const twice = makeCharge(harness.subject(), makeLimit(5, '60s'), 2);
    const receipt = await harness.grant(twice, twice);
    expect(await harness.refund(receipt)).toEqual([4]);
    expect(await harness.charge({ ...twice, hits: 5 })).toMatchObject({ exceeded: false });
  });

  it('refunds fewer hits than were granted where it names fewer', async () => {
    const limit = makeLimit(5, '60s');
    const subject = harness.subject();
    const receipt = await harness.grant(makeCharge(subject, limit, 5));
    const granted = receipt.granted.map((each) => ({ ...each, charge: { ...each.charge, hits: 2 } }));
    expect(await harness.refund({ ...receipt, granted })).toEqual([2]);
    expect(await harness.charge(makeCharge(subject, limit, 0))).toMatchObject({ remaining: 2 });
  });

  it('finds its hits after the limit was raised or lowered, if both limits count in the same form', async () => {
    const subject = harness.subject();
    const receipt = await harness.grant(makeCharge(subject, makeLimit(10, '60s'), 5));
    await harness.charge(makeCharge(subject, makeLimit(20, '60s')));
    expect(await harness.refund(receipt)).toEqual([5]);
    expect(await harness.charge(makeCharge(subject, makeLimit(5, '60s'), 0))).toMatchObject({ remaining: 4 });
  });

  it('ends no block', async () => {
    const one = makeCharge(harness.subject(), makeLimit(1, '60s', { blockForSeconds: 30 }));
    const receipt = await harness.grant(one);
    await harness.charge(one);
    expect(await harness.refund(receipt)).toEqual([1]);
    expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: 30 * SECOND });
  });
}

function describeTokenBuckets(harness: StoreHarness): void {
  it('refunds to a token bucket only hits that are not refilled yet', async () => {
    const subject = harness.subject();
    const receipt = await harness.grant(makeCharge(subject, bucket, 8));
    harness.now += 35 * SECOND; // 3.5 of them are refilled
    expect(await harness.refund(receipt)).toEqual([4]);
    expect(await harness.charge(makeCharge(subject, bucket, 0))).toMatchObject({ remaining: 9 });
    harness.now += 1; // the half hit, up to the µs to which times are rounded
    expect(await harness.charge(makeCharge(subject, bucket, 0))).toMatchObject({ remaining: 10, resetAfter: 0 });
  });

  it('refunds nothing to a token bucket once its hits are refilled, whatever others have drawn since', async () => {
    const subject = harness.subject();
    const receipt = await harness.grant(makeCharge(subject, bucket, 2));
    harness.now += 10 * SECOND;
    await harness.charge(makeCharge(subject, bucket, 5));
    harness.now += 10 * SECOND;
    expect(await harness.refund({ ...receipt, expiresAt: harness.now + HOUR })).toEqual([0]);
    expect(await harness.charge(makeCharge(subject, bucket, 0))).toMatchObject({ remaining: 5 });
  });
}

function describeSingleUse(harness: StoreHarness): void {
  it('is refunded once, however often it is presented', async () => {
    const one = makeCharge(harness.subject(), makeLimit(5, '60s'), 2);
    const receipt = await harness.grant(one);
    await harness.grant(one);
    expect(await harness.refund(receipt)).toEqual([2]);
    harness.now += SECOND;
    expect(await harness.refund(receipt)).toEqual([undefined]);
    expect(await harness.charge({ ...one, hits: 0 })).toMatchObject({ remaining: 3 });
  });

  it('is refunded once also where one call presents it twice', async () => {
    const one = makeCharge(harness.subject(), makeLimit(5, '60s'), 2);
    const [receipt, other] = [await harness.grant(one), await harness.grant(one)];
    expect(await harness.refund(receipt, receipt, other)).toEqual([2, undefined, 2]);
    expect(await harness.charge({ ...one, hits: 0 })).toMatchObject({ remaining: 5 });
  });

  it('is recognised by its id alone', async () => {
    const one = makeCharge(harness.subject(), makeLimit(5, '60s'), 2);
    const [receipt, other] = [await harness.grant(one), await harness.grant(one)];
    expect(await harness.refund(receipt, { ...other, id: receipt.id })).toEqual([2, undefined]);
  });

  it('is refunded once in all of its lifetime of an hour', async () => {
    const one = makeCharge(harness.subject(), makeLimit(5, '1d'));
    const receipt = await harness.grant(one);
    await harness.grant(one);
    expect(await harness.refund(receipt)).toEqual([1]);
    harness.now += HOUR - 1;
    expect(await harness.refund(receipt)).toEqual([undefined]);
    expect(await harness.charge({ ...one, hits: 0 })).toMatchObject({ remaining: 4 });
  });

  it('without an id is refunded as often as it is presented, as far as its hits still count', async () => {
    const one = makeCharge(harness.subject(), makeLimit(5, '60s'), 2);
    const receipt = { ...(await harness.grant(one)), id: undefined };
    expect(await harness.refund(receipt, receipt)).toEqual([2, 0]);
  });
}

function describeIgnoredReceipts(harness: StoreHarness): void {
  const timed = limits.filter(({ algorithm }) => algorithm !== 'credits');
  it.each(timed)('refunds nothing that has stopped counting ($algorithm, $requests requests)', async (limit) => {
    const subject = harness.subject();
    const receipt = await harness.grant(makeCharge(subject, limit, 3));
    harness.now = receipt.granted[0]?.countsUntil ?? 0;
    await harness.charge(makeCharge(subject, limit, 3));
    // It does not expire, so only the end of its hits shows that it is too late.
    expect(await harness.refund({ ...receipt, expiresAt: harness.now + HOUR })).toEqual([0]);
    expect(await harness.charge(makeCharge(subject, limit, 0))).toMatchObject({ remaining: limit.requests - 3 });
  });

  it('is ignored an hour after the grant, but refunds slots for as long as they are granted', async () => {
    const subject = harness.subject();
    const day = await harness.grant(makeCharge(subject, makeLimit(5, '1d')));
    const slot = await harness.grant(makeCharge(subject, makeLimit(5, '2h', { algorithm: 'concurrency' })));
    harness.now += HOUR;
    expect(await harness.refund(day, slot)).toEqual([undefined, 1]);
  });

  it('refunds nothing to a counter that nobody charged, and does not create it', async () => {
    const one = makeCharge(harness.subject(), makeLimit(5, '60s'));
    const end = harness.now + 60 * SECOND;
    const unknown: Receipt = {
      id: harness.subject('unknown'),
      source: 'memory',
      expiresAt: end,
      granted: [{ charge: one, countsUntil: end }],
    };
    expect(await harness.refund(unknown)).toEqual([0]);
    expect(await harness.charge({ ...one, hits: 0 })).toMatchObject({ remaining: 5, resetAfter: 0 });
  });

  it('refunds nothing to other subjects or limits than those that were charged', async () => {
    const limit = makeLimit(5, '60s');
    const one = makeCharge(harness.subject(), limit);
    const others = [
      makeCharge(harness.subject('other'), limit),
      makeCharge(one.subject, makeLimit(5, '60s', { name: 'other' })),
    ];
    const receipt = await harness.grant(one);
    harness.now += 1;
    await harness.decideOne(...others);
    const foreign = {
      ...receipt,
      granted: receipt.granted.flatMap((each) => others.map((charge) => ({ ...each, charge }))),
    };
    expect(await harness.refund(foreign)).toEqual([0]);
    const { charges } = await harness.decideOne(...[one, ...others].map((each) => ({ ...each, hits: 0 })));
    expect(charges.map(({ remaining }) => remaining)).toEqual([4, 4, 4]);
  });

  it('refunds no more than its counter has where it claims more hits than were granted', async () => {
    const limit = makeLimit(5, '60s');
    const subject = harness.subject();
    const receipt = await harness.grant(makeCharge(subject, limit, 2));
    harness.now += 1;
    await harness.charge(makeCharge(subject, limit, 2));
    const granted = receipt.granted.map((each) => ({ ...each, charge: { ...each.charge, hits: 4 } }));
    expect(await harness.refund({ ...receipt, granted })).toEqual([2]);
    expect(await harness.charge(makeCharge(subject, limit, 0))).toMatchObject({ remaining: 3 });
  });

  it('with no hits to refund is used up all the same, and leaves the charged hits', async () => {
    const one = makeCharge(harness.subject(), makeLimit(5, '60s'), 2);
    const receipt = await harness.grant(one);
    const granted = receipt.granted.map((each) => ({ ...each, charge: { ...each.charge, hits: 0 } }));
    expect(await harness.refund({ ...receipt, granted })).toEqual([0]);
    expect(await harness.refund(receipt)).toEqual([undefined]);
    expect(await harness.charge({ ...one, hits: 0 })).toMatchObject({ remaining: 3 });
  });

  it('of a peek has no charges', async () => {
    const receipt = await harness.grant(makeCharge(harness.subject(), makeLimit(5, '60s'), 0));
    expect(receipt.granted).toEqual([]);
  });

  it('is answered in its position among more than 256', async () => {
    const limit = makeLimit(5, '60s');
    const charges = Array.from({ length: 300 }, (_, i) => makeCharge(harness.subject(`${i}`), limit, (i % 5) + 1));
    const outcomes = await harness.decide(...charges.map((each) => ({ charges: [each] })));
    const receipts = outcomes.map((outcome, i) =>
      createReceipt(harness.subject(`receipt${i}`), charges.slice(i, i + 1), outcome),
    );
    expect(await harness.refund(...receipts)).toEqual(charges.map(({ hits }) => hits));
  });
}
