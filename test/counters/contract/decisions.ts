import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Charge, Decision } from '../../../src/decide/ports.ts';
import { makeCalendarLimit, makeCharge, makeLimit, SECOND } from '../model/traces.ts';
import { anyCharge, waitsOf } from '../redis/random-decisions.ts';
import type { StoreHarness } from './counter-store-contract.ts';

export function describeDecisions(bench: StoreHarness): void {
  describe('decisions', () => {
    describeAllOrNothing(bench);
    describeCounterNames(bench);
    describeBatches(bench);
  });
}

/** One hit of each of three limits that a subject has. */
function threeLimits(bench: StoreHarness, requests: number): readonly [Charge, Charge, Charge] {
  const subject = bench.subject();
  const chargeFor = (name: string) => makeCharge(subject, makeLimit(requests, '60s', { name }));
  return [chargeFor('a'), chargeFor('b'), chargeFor('c')];
}

const limitsOfNone = [
  makeLimit(0, '60s'),
  makeLimit(0, '60s', { algorithm: 'fixed_window' }),
  makeLimit(0, '60s', { algorithm: 'concurrency' }),
  makeCalendarLimit(0, 'hour'),
];

function describeAllOrNothing(bench: StoreHarness): void {
  it.each(limitsOfNone)(
    'refuses every hit of a limit of 0 and promises no time, but looks: $algorithm',
    async (limit) => {
      const one = makeCharge(bench.subject(), limit);
      const refused = { exceeded: true, remaining: 0, resetAfter: 0, retryAfter: undefined };
      expect(await bench.charge(one)).toMatchObject(refused);
      expect(await bench.charge({ ...one, hits: 0 })).toMatchObject({ exceeded: false, remaining: 0 });
      expect(await bench.charge({ ...one, limit: { ...limit, requests: 1 } })).toMatchObject({ exceeded: false });
      expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: undefined });
    },
  );

  it('grants a decision without charges', async () => {
    expect(await bench.decideOne()).toMatchObject({ granted: true, charges: [] });
  });

  it('charges all limits of a decision or none: {A,B} refused on B leaves its A to {A,C}', async () => {
    const [a, b, c] = threeLimits(bench, 1);
    const [full, refused, granted] = await bench.decide({ charges: [b] }, { charges: [a, b] }, { charges: [a, c] });
    expect(full?.granted).toBe(true);
    expect(refused).toMatchObject({ granted: false, charges: [{ exceeded: false, remaining: 1 }, { exceeded: true }] });
    expect(granted).toMatchObject({ granted: true, charges: [{ remaining: 0 }, { remaining: 0 }] });
  });

  it('lets a smaller decision pass where a larger one before it did not fit', async () => {
    const limit = makeLimit(3, '60s');
    const subject = bench.subject();
    const outcomes = await bench.decide(...[2, 2, 1].map((hits) => ({ charges: [makeCharge(subject, limit, hits)] })));
    expect(outcomes.map(({ granted }) => granted)).toEqual([true, false, true]);
  });

  it('sums charges on the same counter within a decision, and tells the same of each', async () => {
    const twice = makeCharge(bench.subject(), makeLimit(5, '60s'), 2);
    const other = makeCharge(bench.subject('other'), makeLimit(9, '60s'));
    const { granted, charges } = await bench.decideOne(twice, other, twice);
    expect(granted).toBe(true);
    expect(charges.map(({ remaining }) => remaining)).toEqual([1, 8, 1]);
    const second = await bench.decideOne(twice, other, twice);
    expect(second.granted).toBe(false);
    expect(second.charges.map(({ exceeded }) => exceeded)).toEqual([true, false, true]);
  });

  it('tells of each limit when it alone would fit, and nothing of those that did not refuse', async () => {
    const subject = bench.subject();
    const [minute, hour, wide] = [
      makeCharge(subject, makeLimit(1, '60s')),
      makeCharge(subject, makeLimit(1, '1h')),
      makeCharge(subject, makeLimit(5, '1d')),
    ];
    await bench.decideOne(minute, hour, wide);
    const { charges } = await bench.decideOne(minute, hour, wide);
    expect(charges.map(({ retryAfter }) => retryAfter)).toEqual([60 * SECOND, 3600 * SECOND, undefined]);
  });

  it('tells when all is free again on the clock of whoever counts', async () => {
    const one = makeCharge(bench.subject(), makeLimit(2, '60s'));
    expect(await bench.charge(one)).toMatchObject({ freeAt: bench.now + 60 * SECOND });
    bench.now += SECOND;
    expect(await bench.charge({ ...one, hits: 2 })).toMatchObject({ exceeded: true, freeAt: bench.now + 59 * SECOND });
  });
}

/** Where subjects are kept apart, what was reserved is given back by the server's real clock, and the bench's stands. */
export function describeSubjectsTogether(bench: StoreHarness): void {
  it('charges all subjects of a decision or none, once it is answered', async () => {
    const limit = makeLimit(1, '60s');
    const [address, account, other] = ['address', 'account', 'other'].map((name) =>
      makeCharge(bench.subject(name), limit),
    );
    if (!(address && account && other)) throw new Error('three charges expected');
    expect(await bench.decideOne(account)).toMatchObject({ granted: true });
    const refused = await bench.decideOne(address, account);
    expect(refused).toMatchObject({ granted: false, charges: [{ exceeded: false, remaining: 1 }, { exceeded: true }] });
    expect(await bench.decideOne(address, other)).toMatchObject({ granted: true });
  });
}

function describeCounterNames(bench: StoreHarness): void {
  it('counts subjects apart, whatever characters they have', async () => {
    const limit = makeLimit(1, '60s');
    const subjects = ['{', '}', '{1}', '%7C', '\u00e9', 'e\u0301', '\n', '\0', '日本', 'a|b', 'a', ''].map(
      bench.subject,
    );
    const outcomes = await bench.decide(...subjects.map((subject) => ({ charges: [makeCharge(subject, limit)] })));
    expect(outcomes.every(({ granted }) => granted)).toBe(true);
    const again = await bench.decide(...subjects.map((subject) => ({ charges: [makeCharge(subject, limit)] })));
    expect(again.some(({ granted }) => granted)).toBe(false);
  });

  it('counts limits of another name, algorithm or window apart', async () => {
    const subject = bench.subject();
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
    expect(await bench.decideOne(...all)).toMatchObject({ granted: true });
    const outcomes = await bench.decide(...all.map((each) => ({ charges: [each] })));
    expect(outcomes.some(({ granted }) => granted)).toBe(false);
  });

  it('keeps apart what a subject is counted by also while some of its limits end and others go on', async () => {
    const subject = bench.subject();
    const short = Array.from({ length: 5 }, (_, i) => makeCharge(subject, makeLimit(3, '10s', { name: `short${i}` })));
    const long = Array.from({ length: 5 }, (_, i) => makeCharge(subject, makeLimit(3, '1h', { name: `long${i}` }), 2));
    await bench.decideOne(...short, ...long);
    bench.now += 10 * SECOND;
    await bench.decideOne(...short);
    const { charges } = await bench.decideOne(...[...short, ...long].map((each) => ({ ...each, hits: 0 })));
    expect(charges.map(({ remaining }) => remaining)).toEqual([2, 2, 2, 2, 2, 1, 1, 1, 1, 1]);
  });
}

function describeBatches(bench: StoreHarness): void {
  it('grants exactly the limit in one batch of equal decisions', async () => {
    const decision = { charges: [makeCharge(bench.subject(), makeLimit(30, '60s'), 4)] };
    const outcomes = await bench.decide(...Array.from({ length: 12 }, () => decision));
    expect(outcomes.filter(({ granted }) => granted)).toHaveLength(7);
    expect(outcomes.map(({ charges }) => charges[0]?.remaining)).toEqual([26, 22, 18, 14, 10, 6, 2, 2, 2, 2, 2, 2]);
  });

  it('tells of equal decisions in a batch what was true after each', async () => {
    const charge = makeCharge(bench.subject(), makeLimit(6, '60s', { algorithm: 'token_bucket', burst: 3 }));
    const outcomes = await bench.decide(...Array.from({ length: 4 }, () => ({ charges: [charge] })));
    expect(outcomes.map(({ charges }) => charges[0]?.resetAfter)).toEqual([10, 20, 30, 30].map((s) => s * SECOND));
  });

  it('decides a batch of more than 512 charges in order', async () => {
    const limit = makeLimit(2, '60s');
    const subjects = Array.from({ length: 600 }, (_, i) => bench.subject(`${i % 300}`));
    const shared = makeCharge(bench.subject('shared'), makeLimit(500, '60s'));
    const outcomes = await bench.decide(
      ...subjects.map((subject) => ({ charges: [makeCharge(subject, limit), shared] })),
    );
    expect(outcomes.map(({ granted }) => granted)).toEqual(subjects.map((_, i) => i < 500));
  });

  it('decides a batch as it would its decisions one by one, whatever their algorithms, settlements and blocks', async () => {
    const decision = fc.record({
      subject: fc.constantFrom('a', 'b', 'c'),
      charges: fc.array(anyCharge, { maxLength: 3, size: 'max' }),
    });
    const traces = fc.array(fc.tuple(waitsOf, fc.array(decision, { maxLength: 8, size: 'max' })), {
      maxLength: 12,
      size: 'max',
    });
    let played = 0;
    const property = fc.asyncProperty(traces, async (trace) => {
      played++;
      for (const [wait, batch] of trace) {
        bench.now += wait;
        const of = (name: string): readonly Decision[] =>
          batch.map(({ subject, charges }) => ({
            charges: charges.map((each) => ({ ...each, subject: bench.subject(`${name}${played}|${subject}`) })),
          }));
        const together = await bench.decide(...of('together'));
        const alone = [];
        for (const { charges } of of('alone')) alone.push(await bench.decideOne(...charges));
        expect(together).toEqual(alone);
      }
    });
    await fc.assert(property, { numRuns: 30, seed: 20_261_121 });
  });
}
