import { describe, expect, it } from 'vitest';
import type { Receipt } from '../../../src/decide/ports.ts';
import { createReceipt } from '../../../src/decide/receipts/receipt.ts';
import { HOUR, makeCalendarLimit, makeCharge, makeLimit, SECOND } from '../model/traces.ts';
import type { StoreHarness } from './counter-store-contract.ts';

const limits = [
  makeLimit(10, '2h'),
  makeLimit(100, '2h'),
  makeLimit(10, '2h', { algorithm: 'fixed_window' }),
  makeCalendarLimit(10, 'day'),
  makeLimit(10, '2h', { algorithm: 'concurrency' }),
  makeLimit(100, '2h', { algorithm: 'concurrency' }),
];
const bucket = makeLimit(6, '60s', { algorithm: 'token_bucket', burst: 10 });

export function describeReceipts(bench: StoreHarness): void {
  describe('receipts', () => {
    describeWhatIsFreed(bench);
    describeTokens(bench);
    describeOnce(bench);
    describeIgnored(bench);
  });
}

function describeWhatIsFreed(bench: StoreHarness): void {
  it.each(limits)('give back what the grant took, at once and to the hit: $algorithm, $requests', async (limit) => {
    const subject = bench.subject();
    await bench.charge(makeCharge(subject, limit, 2));
    bench.now += SECOND;
    const receipt = await bench.takeReceipt(makeCharge(subject, limit, 3));
    bench.now += SECOND;
    await bench.charge(makeCharge(subject, limit, 4));
    expect(await bench.refund(receipt)).toEqual([3]);
    expect(await bench.charge(makeCharge(subject, limit, 0))).toMatchObject({ remaining: limit.requests - 6 });
    expect(await bench.charge(makeCharge(subject, limit, limit.requests - 6))).toMatchObject({ exceeded: false });
  });

  it('free nothing of other charges on the same counter, not even of one made at the same time', async () => {
    const one = makeCharge(bench.subject(), makeLimit(5, '60s'));
    const [first] = [await bench.takeReceipt(one), await bench.takeReceipt(one), await bench.takeReceipt(one)];
    expect(await bench.refund(first)).toEqual([1]);
    expect(await bench.charge({ ...one, hits: 0 })).toMatchObject({ remaining: 3 });
  });

  it('give back every charge of the decision, the sum is told, and looks took nothing', async () => {
    const subject = bench.subject();
    const charges = ['a', 'b', 'c'].map((name, i) => makeCharge(subject, makeLimit(9, '60s', { name }), i));
    const receipt = await bench.takeReceipt(...charges);
    expect(await bench.refund(receipt)).toEqual([3]);
    const { charges: outcomes } = await bench.decideOne(...charges.map((each) => ({ ...each, hits: 0 })));
    expect(outcomes.map(({ remaining, resetAfter }) => [remaining, resetAfter])).toEqual(
      [9, 9, 9].map((all) => [all, 0]),
    );
  });

  it('give back both of two charges on the same counter', async () => {
    const twice = makeCharge(bench.subject(), makeLimit(5, '60s'), 2);
    const receipt = await bench.takeReceipt(twice, twice);
    expect(await bench.refund(receipt)).toEqual([4]);
    expect(await bench.charge({ ...twice, hits: 5 })).toMatchObject({ exceeded: false });
  });

  it('give back fewer hits than were granted where fewer are named', async () => {
    const limit = makeLimit(5, '60s');
    const subject = bench.subject();
    const receipt = await bench.takeReceipt(makeCharge(subject, limit, 5));
    const granted = receipt.granted.map((each) => ({ ...each, charge: { ...each.charge, hits: 2 } }));
    expect(await bench.refund({ ...receipt, granted })).toEqual([2]);
    expect(await bench.charge(makeCharge(subject, limit, 0))).toMatchObject({ remaining: 2 });
  });

  it('find what they took also after the limit was raised or lowered within its form', async () => {
    const subject = bench.subject();
    const receipt = await bench.takeReceipt(makeCharge(subject, makeLimit(10, '60s'), 5));
    await bench.charge(makeCharge(subject, makeLimit(20, '60s')));
    expect(await bench.refund(receipt)).toEqual([5]);
    expect(await bench.charge(makeCharge(subject, makeLimit(5, '60s'), 0))).toMatchObject({ remaining: 4 });
  });

  it('end no block', async () => {
    const one = makeCharge(bench.subject(), makeLimit(1, '60s', { blockForSeconds: 30 }));
    const receipt = await bench.takeReceipt(one);
    await bench.charge(one);
    expect(await bench.refund(receipt)).toEqual([1]);
    expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 30 * SECOND });
  });
}

function describeTokens(bench: StoreHarness): void {
  it('give back to a token bucket what was not refilled yet', async () => {
    const subject = bench.subject();
    const receipt = await bench.takeReceipt(makeCharge(subject, bucket, 8));
    bench.now += 35 * SECOND; // 3.5 of them are refilled.
    expect(await bench.refund(receipt)).toEqual([4]);
    expect(await bench.charge(makeCharge(subject, bucket, 0))).toMatchObject({ remaining: 9 });
    bench.now += 1; // The half hit that is less than one, but for the µs to which times are rounded.
    expect(await bench.charge(makeCharge(subject, bucket, 0))).toMatchObject({ remaining: 10, resetAfter: 0 });
  });

  it('give back to a token bucket nothing that is refilled already, though others have drawn since', async () => {
    const subject = bench.subject();
    const receipt = await bench.takeReceipt(makeCharge(subject, bucket, 2));
    bench.now += 10 * SECOND;
    await bench.charge(makeCharge(subject, bucket, 5));
    bench.now += 10 * SECOND;
    expect(await bench.refund({ ...receipt, expiresAt: bench.now + HOUR })).toEqual([0]);
    expect(await bench.charge(makeCharge(subject, bucket, 0))).toMatchObject({ remaining: 5 });
  });
}

function describeOnce(bench: StoreHarness): void {
  it('are good once, however often they are given back', async () => {
    const one = makeCharge(bench.subject(), makeLimit(5, '60s'), 2);
    const receipt = await bench.takeReceipt(one);
    await bench.takeReceipt(one);
    expect(await bench.refund(receipt)).toEqual([2]);
    bench.now += SECOND;
    expect(await bench.refund(receipt)).toEqual([undefined]);
    expect(await bench.charge({ ...one, hits: 0 })).toMatchObject({ remaining: 3 });
  });

  it('are good once also within one call', async () => {
    const one = makeCharge(bench.subject(), makeLimit(5, '60s'), 2);
    const [receipt, other] = [await bench.takeReceipt(one), await bench.takeReceipt(one)];
    expect(await bench.refund(receipt, receipt, other)).toEqual([2, undefined, 2]);
    expect(await bench.charge({ ...one, hits: 0 })).toMatchObject({ remaining: 5 });
  });

  it('are known by their id alone, whatever else they say', async () => {
    const one = makeCharge(bench.subject(), makeLimit(5, '60s'), 2);
    const [receipt, other] = [await bench.takeReceipt(one), await bench.takeReceipt(one)];
    expect(await bench.refund(receipt, { ...other, id: receipt.id })).toEqual([2, undefined]);
  });

  it('are good once for as long as they live: an hour', async () => {
    const one = makeCharge(bench.subject(), makeLimit(5, '1d'));
    const receipt = await bench.takeReceipt(one);
    await bench.takeReceipt(one);
    expect(await bench.refund(receipt)).toEqual([1]);
    bench.now += HOUR - 1;
    expect(await bench.refund(receipt)).toEqual([undefined]);
    expect(await bench.charge({ ...one, hits: 0 })).toMatchObject({ remaining: 4 });
  });

  it('without an id are given back as often as they are asked, as far as they find what they took', async () => {
    const one = makeCharge(bench.subject(), makeLimit(5, '60s'), 2);
    const receipt = { ...(await bench.takeReceipt(one)), id: undefined };
    expect(await bench.refund(receipt, receipt)).toEqual([2, 0]);
  });
}

function describeIgnored(bench: StoreHarness): void {
  it.each(limits)('free nothing that has stopped counting: $algorithm, $requests', async (limit) => {
    const subject = bench.subject();
    const receipt = await bench.takeReceipt(makeCharge(subject, limit, 3));
    bench.now = receipt.granted[0]?.countsUntil ?? 0;
    await bench.charge(makeCharge(subject, limit, 3));
    // It lives on, so that nothing but its end tells that it comes too late.
    expect(await bench.refund({ ...receipt, expiresAt: bench.now + HOUR })).toEqual([0]);
    expect(await bench.charge(makeCharge(subject, limit, 0))).toMatchObject({ remaining: limit.requests - 3 });
  });

  it('are ignored an hour after the grant, but for slots, which are good as long as they are granted', async () => {
    const subject = bench.subject();
    const day = await bench.takeReceipt(makeCharge(subject, makeLimit(5, '1d')));
    const slot = await bench.takeReceipt(makeCharge(subject, makeLimit(5, '2h', { algorithm: 'concurrency' })));
    bench.now += HOUR;
    expect(await bench.refund(day, slot)).toEqual([undefined, 1]);
  });

  it('free nothing of counters that nobody charged, and make none', async () => {
    const one = makeCharge(bench.subject(), makeLimit(5, '60s'));
    const end = bench.now + 60 * SECOND;
    const unknown: Receipt = {
      id: bench.subject('unknown'),
      source: 'memory',
      expiresAt: end,
      granted: [{ charge: one, countsUntil: end }],
    };
    expect(await bench.refund(unknown)).toEqual([0]);
    expect(await bench.charge({ ...one, hits: 0 })).toMatchObject({ remaining: 5, resetAfter: 0 });
  });

  it('free nothing of other subjects and other limits than were charged', async () => {
    const limit = makeLimit(5, '60s');
    const one = makeCharge(bench.subject(), limit);
    const others = [
      makeCharge(bench.subject('other'), limit),
      makeCharge(one.subject, makeLimit(5, '60s', { name: 'other' })),
    ];
    const receipt = await bench.takeReceipt(one);
    bench.now += 1;
    await bench.decideOne(...others);
    const foreign = {
      ...receipt,
      granted: receipt.granted.flatMap((each) => others.map((charge) => ({ ...each, charge }))),
    };
    expect(await bench.refund(foreign)).toEqual([0]);
    const { charges } = await bench.decideOne(...[one, ...others].map((each) => ({ ...each, hits: 0 })));
    expect(charges.map(({ remaining }) => remaining)).toEqual([4, 4, 4]);
  });

  it('free no more than is there when they claim more hits than were granted', async () => {
    const limit = makeLimit(5, '60s');
    const subject = bench.subject();
    const receipt = await bench.takeReceipt(makeCharge(subject, limit, 2));
    bench.now += 1;
    await bench.charge(makeCharge(subject, limit, 2));
    const granted = receipt.granted.map((each) => ({ ...each, charge: { ...each.charge, hits: 4 } }));
    expect(await bench.refund({ ...receipt, granted })).toEqual([2]);
    expect(await bench.charge(makeCharge(subject, limit, 0))).toMatchObject({ remaining: 3 });
  });

  it('of which nothing is given back are used all the same, and leave what they took', async () => {
    const one = makeCharge(bench.subject(), makeLimit(5, '60s'), 2);
    const receipt = await bench.takeReceipt(one);
    const granted = receipt.granted.map((each) => ({ ...each, charge: { ...each.charge, hits: 0 } }));
    expect(await bench.refund({ ...receipt, granted })).toEqual([0]);
    expect(await bench.refund(receipt)).toEqual([undefined]);
    expect(await bench.charge({ ...one, hits: 0 })).toMatchObject({ remaining: 3 });
  });

  it('of a decision without hits took nothing', async () => {
    const receipt = await bench.takeReceipt(makeCharge(bench.subject(), makeLimit(5, '60s'), 0));
    expect(receipt.granted).toEqual([]);
  });

  it('are answered one by one and in their order, more than 256 of them', async () => {
    const limit = makeLimit(5, '60s');
    const charges = Array.from({ length: 300 }, (_, i) => makeCharge(bench.subject(`${i}`), limit, (i % 5) + 1));
    const outcomes = await bench.decide(...charges.map((each) => ({ charges: [each] })));
    const receipts = outcomes.map((outcome, i) =>
      createReceipt(bench.subject(`receipt${i}`), charges.slice(i, i + 1), outcome),
    );
    expect(await bench.refund(...receipts)).toEqual(charges.map(({ hits }) => hits));
  });
}
