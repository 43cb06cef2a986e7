import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Charge, Decision } from '../../../src/decide/ports.ts';
import { makeCalendarLimit, makeCharge, makeLimit, SECOND } from '../model/builders.ts';
import { randomCharges, randomWaits } from '../model/random-decisions.ts';
import type { StoreHarness } from './store-harness.ts';

export function describeDecisions(harness: StoreHarness): void {
  describe('a decision', () => {
    describeAllOrNothing(harness);
    describeCounterNames(harness);
    describeBatches(harness);
  });
}

/** Returns charges of one hit, on three limits of one subject. */
function threeLimits(harness: StoreHarness, requests: number): readonly [Charge, Charge, Charge] {
  const subject = harness.subject();
  const chargeFor = (name: string) => makeCharge(subject, makeLimit(requests, '60s', { name }));
  return [chargeFor('a'), chargeFor('b'), chargeFor('c')];
}

const zeroLimits = [
  makeLimit(0, '60s'),
  makeLimit(0, '60s', { algorithm: 'fixed_window' }),
  makeLimit(0, '60s', { algorithm: 'concurrency' }),
  makeCalendarLimit(0, 'hour'),
];

function describeAllOrNothing(harness: StoreHarness): void {
  it.each(zeroLimits)(
    'rejects every hit of a limit of 0 and reports no time, but answers peeks ($algorithm)',
    async (limit) => {
      const one = makeCharge(harness.subject(), limit);
      const rejection = { exceeded: true, remaining: 0, resetAfter: 0, retryAfter: undefined };
      expect(await harness.charge(one)).toMatchObject(rejection);
      expect(await harness.charge({ ...one, hits: 0 })).toMatchObject({ exceeded: false, remaining: 0 });
      expect(await harness.charge({ ...one, limit: { ...limit, requests: 1 } })).toMatchObject({ exceeded: false });
      expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: undefined });
    },
  );

  it('without charges is granted', async () => {
    expect(await harness.decideOne()).toMatchObject({ granted: true, charges: [] });
  });

  it('charges all of its limits or none: after {A,B} is rejected on B, {A,C} can have A', async () => {
    const [a, b, c] = threeLimits(harness, 1);
    const [full, rejected, granted] = await harness.decide({ charges: [b] }, { charges: [a, b] }, { charges: [a, c] });
    expect(full?.granted).toBe(true);
    expect(rejected).toMatchObject({
      granted: false,
      charges: [{ exceeded: false, remaining: 1 }, { exceeded: true }],
    });
    expect(granted).toMatchObject({ granted: true, charges: [{ remaining: 0 }, { remaining: 0 }] });
  });

  it('is granted where a larger one before it did not fit', async () => {
    const limit = makeLimit(3, '60s');
    const subject = harness.subject();
    const outcomes = await harness.decide(
      ...[2, 2, 1].map((hits) => ({ charges: [makeCharge(subject, limit, hits)] })),
    );
    expect(outcomes.map(({ granted }) => granted)).toEqual([true, false, true]);
  });

  it('sums charges on the same counter, and reports the same outcome for each', async () => {
    const twice = makeCharge(harness.subject(), makeLimit(5, '60s'), 2);
    const other = makeCharge(harness.subject('other'), makeLimit(9, '60s'));
    const { granted, charges } = await harness.decideOne(twice, other, twice);
    expect(granted).toBe(true);
    expect(charges.map(({ remaining }) => remaining)).toEqual([1, 8, 1]);
    const second = await harness.decideOne(twice, other, twice);
    expect(second.granted).toBe(false);
    expect(second.charges.map(({ exceeded }) => exceeded)).toEqual([true, false, true]);
  });

  it('reports for each exceeded limit when it alone would fit, and no time for the others', async () => {
    const subject = harness.subject();
    const [minute, hour, wide] = [
      makeCharge(subject, makeLimit(1, '60s')),
      makeCharge(subject, makeLimit(1, '1h')),
      makeCharge(subject, makeLimit(5, '1d')),
    ];
    await harness.decideOne(minute, hour, wide);
    const { charges } = await harness.decideOne(minute, hour, wide);
    expect(charges.map(({ retryAfter }) => retryAfter)).toEqual([60 * SECOND, 3600 * SECOND, undefined]);
  });

  it('reports when the whole limit is free again, on the clock of the store', async () => {
    const one = makeCharge(harness.subject(), makeLimit(2, '60s'));
    expect(await harness.charge(one)).toMatchObject({ freeAt: harness.now + 60 * SECOND });
    harness.now += SECOND;
    expect(await harness.charge({ ...one, hits: 2 })).toMatchObject({
      exceeded: true,
      freeAt: harness.now + 59 * SECOND,
    });
  });
}

/**
 * For stores that keep all subjects together. Others reserve the charges of some subjects first, and refund them by the
 * server's real clock, while the clock of the harness stands still.
 */
export function describeSubjectsTogether(harness: StoreHarness): void {
  it('charges all of its subjects or none, once it is answered', async () => {
    const limit = makeLimit(1, '60s');
    const [address, account, other] = ['address', 'account', 'other'].map((name) =>
      makeCharge(harness.subject(name), limit),
    );
    if (!(address && account && other)) throw new Error('three charges expected');
    expect(await harness.decideOne(account)).toMatchObject({ granted: true });
    const rejected = await harness.decideOne(address, account);
    expect(rejected).toMatchObject({
      granted: false,
      charges: [{ exceeded: false, remaining: 1 }, { exceeded: true }],
    });
    expect(await harness.decideOne(address, other)).toMatchObject({ granted: true });
  });
}

function describeCounterNames(harness: StoreHarness): void {
  it('counts subjects separately, whatever characters they contain', async () => {
    const limit = makeLimit(1, '60s');
    const subjects = ['{', '}', '{1}', '%7C', '\u00e9', 'e\u0301', '\n', '\0', '日本', 'a|b', 'a', ''].map(
      harness.subject,
    );
    const outcomes = await harness.decide(...subjects.map((subject) => ({ charges: [makeCharge(subject, limit)] })));
    expect(outcomes.every(({ granted }) => granted)).toBe(true);
    const again = await harness.decide(...subjects.map((subject) => ({ charges: [makeCharge(subject, limit)] })));
    expect(again.some(({ granted }) => granted)).toBe(false);
  });

  it('counts limits of another name, algorithm or window separately', async () => {
    const subject = harness.subject();
    const limits = [
      makeLimit(1, '1h'),
      makeLimit(1, '2h'),
      makeLimit(1, '1h', { algorithm: 'fixed_window' }),
      makeLimit(1, '1h', { algorithm: 'token_bucket' }),
      makeLimit(1, '1h', { algorithm: 'concurrency' }),
      makeLimit(1, '1h', { algorithm: 'calendar', unit: 'hour' }),
      makeLimit(1, '1h', { name: 'other' }),
    ];
    const all = limits.map((limit) => makeCharge(subject, limit));
    expect(await harness.decideOne(...all)).toMatchObject({ granted: true });
    const outcomes = await harness.decide(...all.map((each) => ({ charges: [each] })));
    expect(outcomes.some(({ granted }) => granted)).toBe(false);
  });

  it('keeps the limits of a subject separate while some of them end and others go on', async () => {
    const subject = harness.subject();
    const short = Array.from({ length: 5 }, (_, i) => makeCharge(subject, makeLimit(3, '10s', { name: `short${i}` })));
    const long = Array.from({ length: 5 }, (_, i) => makeCharge(subject, makeLimit(3, '1h', { name: `long${i}` }), 2));
    await harness.decideOne(...short, ...long);
    harness.now += 10 * SECOND;
    await harness.decideOne(...short);
    const { charges } = await harness.decideOne(...[...short, ...long].map((each) => ({ ...each, hits: 0 })));
    expect(charges.map(({ remaining }) => remaining)).toEqual([2, 2, 2, 2, 2, 1, 1, 1, 1, 1]);
  });
}

function describeBatches(harness: StoreHarness): void {
  it('is granted exactly as often as the limit allows in one batch of equal decisions', async () => {
    const decision = { charges: [makeCharge(harness.subject(), makeLimit(30, '60s'), 4)] };
    const outcomes = await harness.decide(...Array.from({ length: 12 }, () => decision));
    expect(outcomes.filter(({ granted }) => granted)).toHaveLength(7);
    expect(outcomes.map(({ charges }) => charges[0]?.remaining)).toEqual([26, 22, 18, 14, 10, 6, 2, 2, 2, 2, 2, 2]);
  });

  it('reports what was true directly after it, also among equal decisions of a batch', async () => {
    const charge = makeCharge(harness.subject(), makeLimit(6, '60s', { algorithm: 'token_bucket', burst: 3 }));
    const outcomes = await harness.decide(...Array.from({ length: 4 }, () => ({ charges: [charge] })));
    expect(outcomes.map(({ charges }) => charges[0]?.resetAfter)).toEqual([10, 20, 30, 30].map((s) => s * SECOND));
  });

  it('is decided in the order of its batch, also in a batch of more than 512 charges', async () => {
    const limit = makeLimit(2, '60s');
    const subjects = Array.from({ length: 600 }, (_, i) => harness.subject(`${i % 300}`));
    const shared = makeCharge(harness.subject('shared'), makeLimit(500, '60s'));
    const outcomes = await harness.decide(
      ...subjects.map((subject) => ({ charges: [makeCharge(subject, limit), shared] })),
    );
    expect(outcomes.map(({ granted }) => granted)).toEqual(subjects.map((_, i) => i < 500));
  });

  it('has the same result in a batch as alone, whatever the algorithms, settlements and blocks', async () => {
    const decision = fc.record({
      subject: fc.constantFrom('a', 'b', 'c'),
      charges: fc.array(randomCharges, { maxLength: 3, size: 'max' }),
    });
    const traces = fc.array(fc.tuple(randomWaits, fc.array(decision, { maxLength: 8, size: 'max' })), {
      maxLength: 12,
      size: 'max',
    });
    let played = 0;
    const property = fc.asyncProperty(traces, async (trace) => {
      played++;
      for (const [wait, batch] of trace) {
        harness.now += wait;
        const of = (name: string): readonly Decision[] =>
          batch.map(({ subject, charges }) => ({
            charges: charges.map((each) => ({ ...each, subject: harness.subject(`${name}${played}|${subject}`) })),
          }));
        const together = await harness.decide(...of('together'));
        const alone = [];
        for (const { charges } of of('alone')) alone.push(await harness.decideOne(...charges));
        expect(together).toEqual(alone);
      }
    });
    await fc.assert(property, { numRuns: 30, seed: 20_261_121 });
  });
}
