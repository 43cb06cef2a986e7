import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decision } from '../../src/decide/ports.ts';
import type { Bench } from './counter-store-contract.ts';
import { chargeOf, limitOf, waits } from './traces.ts';

export function describeDecisions(bench: Bench): void {
  describe('decisions', () => {
    describeAllOrNothing(bench);
    describeCounterNames(bench);
    describeBatches(bench);
  });
}

function describeAllOrNothing(bench: Bench): void {
  it('grants a decision without charges', async () => {
    expect(await bench.decideOne()).toMatchObject({ granted: true, charges: [] });
  });

  it('charges all limits of a decision or none: {A,B} refused on B leaves its A to {A,C}', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => chargeOf(bench.subject(name), limitOf(1, '60s')));
    if (!(a && b && c)) throw new Error('three charges expected');
    const [full, refused, granted] = await bench.decide({ charges: [b] }, { charges: [a, b] }, { charges: [a, c] });
    expect(full?.granted).toBe(true);
    expect(refused).toMatchObject({ granted: false, charges: [{ exceeded: false, remaining: 1 }, { exceeded: true }] });
    expect(granted).toMatchObject({ granted: true, charges: [{ remaining: 0 }, { remaining: 0 }] });
  });

  it('lets a smaller decision pass where a larger one before it did not fit', async () => {
    const limit = limitOf(3, '60s');
    const subject = bench.subject();
    const outcomes = await bench.decide(...[2, 2, 1].map((hits) => ({ charges: [chargeOf(subject, limit, hits)] })));
    expect(outcomes.map(({ granted }) => granted)).toEqual([true, false, true]);
  });

  it('sums charges on the same counter within a decision, and tells the same of each', async () => {
    const twice = chargeOf(bench.subject(), limitOf(5, '60s'), 2);
    const other = chargeOf(bench.subject('other'), limitOf(9, '60s'));
    const { granted, charges } = await bench.decideOne(twice, other, twice);
    expect(granted).toBe(true);
    expect(charges.map(({ remaining }) => remaining)).toEqual([1, 8, 1]);
    const second = await bench.decideOne(twice, other, twice);
    expect(second.granted).toBe(false);
    expect(second.charges.map(({ exceeded }) => exceeded)).toEqual([true, false, true]);
  });
}

function describeCounterNames(bench: Bench): void {
  it('counts subjects apart, whatever characters they have', async () => {
    const limit = limitOf(1, '60s');
    const subjects = ['{', '}', '{1}', '%7C', '\u00e9', 'e\u0301', '\n', '\0', '日本', 'a|b', 'a', ''].map(
      bench.subject,
    );
    const outcomes = await bench.decide(...subjects.map((subject) => ({ charges: [chargeOf(subject, limit)] })));
    expect(outcomes.every(({ granted }) => granted)).toBe(true);
    const again = await bench.decide(...subjects.map((subject) => ({ charges: [chargeOf(subject, limit)] })));
    expect(again.some(({ granted }) => granted)).toBe(false);
  });

  it('counts limits of another name, algorithm or window apart', async () => {
    const subject = bench.subject();
    const limits = [
      limitOf(1, '1h'),
      limitOf(1, '2h'),
      limitOf(1, '1h', 'calendar'),
      limitOf(1, '1h', 'sliding_window', 'other'),
    ];
    const outcomes = await bench.decide(...limits.map((limit) => ({ charges: [chargeOf(subject, limit)] })));
    expect(outcomes.map(({ granted }) => granted)).toEqual([true, true, true, true]);
  });
}

function describeBatches(bench: Bench): void {
  it('grants exactly the limit in one batch of equal decisions', async () => {
    const decision = { charges: [chargeOf(bench.subject(), limitOf(30, '60s'), 4)] };
    const outcomes = await bench.decide(...Array.from({ length: 12 }, () => decision));
    expect(outcomes.filter(({ granted }) => granted)).toHaveLength(7);
    expect(outcomes.map(({ charges }) => charges[0]?.remaining)).toEqual([26, 22, 18, 14, 10, 6, 2, 2, 2, 2, 2, 2]);
  });

  it('decides a batch of more than 256 counters in order', async () => {
    const limit = limitOf(2, '60s');
    const subjects = Array.from({ length: 600 }, (_, i) => bench.subject(`${i % 300}`));
    const shared = chargeOf(bench.subject('shared'), limitOf(500, '60s'));
    const outcomes = await bench.decide(
      ...subjects.map((subject) => ({ charges: [chargeOf(subject, limit), shared] })),
    );
    expect(outcomes.map(({ granted }) => granted)).toEqual(subjects.map((_, i) => i < 500));
  });

  it('decides a batch as it would its decisions one by one', async () => {
    let traces = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(waits(60), fc.array(decisions(), { maxLength: 8 }))), async (trace) => {
        traces++;
        for (const [wait, batch] of trace) {
          bench.now += wait;
          const together = await bench.decide(...batch.map((each) => named(each, bench.subject(`together${traces}`))));
          for (const [place, each] of batch.entries()) {
            const alone = await bench.decideOne(...named(each, bench.subject(`alone${traces}`)).charges);
            expect(together[place]).toEqual(alone);
          }
        }
      }),
      { numRuns: 30 },
    );
  });
}

/** Decisions that meet on few counters, with small and large limits and changed ones among them. */
function decisions(): fc.Arbitrary<Decision> {
  const limits = [limitOf(3, '60s'), limitOf(5, '60s'), limitOf(80, '60s'), limitOf(4, '1h', 'calendar')];
  const charge = fc.record({
    subject: fc.constantFrom('a', 'b', 'c'),
    limit: fc.constantFrom(...limits),
    hits: fc.constantFrom(0, 1, 1, 1, 2, 30),
  });
  return fc.record({ charges: fc.array(charge, { maxLength: 3 }) });
}

function named({ charges }: Decision, name: string): Decision {
  return { charges: charges.map((each) => ({ ...each, subject: `${name}|${each.subject}` })) };
}
