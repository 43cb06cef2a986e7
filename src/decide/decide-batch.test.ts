import { describe, expect, it } from 'vitest';
import type { UntrustedLimitSpec } from '../domain/limits/limit-spec.ts';
import { parseLimit } from '../domain/limits/parse-limit.ts';
import { decideBatch } from './decide-batch.ts';
import type { NamedCharge } from './named-charge.ts';
import { type CounterStore, type Decision, type DecisionResult, type Outcome, StoreUnavailable } from './ports.ts';
import type { AdvisoryResult, PreparedDecision } from './prepared-decision.ts';

interface Verdict {
  readonly result: DecisionResult | undefined;
  readonly advisories: readonly AdvisoryResult[] | undefined;
}

const stay = () => false;

function makeCharge(subject: string, options: UntrustedLimitSpec = {}): NamedCharge {
  const limit = parseLimit({ name: 'burst', requests: 5, window: '1m', ...options });
  if (!('identity' in limit)) throw new Error('the test’s own limit has faults');
  return { subject, limit, hits: 1, limitName: { rule: subject, label: subject } };
}

function prepare(charges: readonly NamedCharge[], more: Partial<PreparedDecision<Verdict>> = {}) {
  const conclude: PreparedDecision<Verdict>['conclude'] = (result, advisories) => ({ result, advisories });
  return { charges, conclude, ...more };
}

/** An outcome that repeats the subject of its decision: as the time at which the limit is free again. */
function makeOutcome({ charges }: Decision, granted: boolean): Outcome {
  const times = { resetAfter: 0, retryAfter: undefined, blockedFor: undefined };
  return {
    granted,
    source: 'memory',
    charges: charges.map(({ subject }) => ({ exceeded: !granted, remaining: 0, freeAt: Number(subject), ...times })),
  };
}

function storeWith(decide: CounterStore['decide']): CounterStore {
  return { decide, refund: () => expect.fail('refunded'), correct: () => expect.fail('corrected') };
}

/** Grants everything but the subject 13. */
const store = storeWith((decisions) =>
  decisions.map((decision) => makeOutcome(decision, decision.charges[0]?.subject !== '13')),
);

function freeAt({ result }: Verdict): number | undefined {
  return result === undefined || result instanceof StoreUnavailable ? undefined : result.charges[0]?.freeAt;
}

describe('decideBatch', () => {
  it('concludes each decision with its own result, and those without charges with none', async () => {
    const subjects = [['1'], [], ['2'], [], ['3']];
    const decisions = subjects.map((list) => prepare(list.map((subject) => makeCharge(subject))));
    const { verdicts } = await decideBatch(store, decisions, stay);
    expect(verdicts.map(freeAt)).toEqual([1, undefined, 2, undefined, 3]);
    expect(verdicts.map(({ result }) => result === undefined)).toEqual([false, true, false, true, false]);
  });

  it('does not call the store without charges', () => {
    const unused = storeWith(() => expect.fail('called the store'));
    expect(decideBatch(unused, [prepare([])], stay)).toMatchObject({ verdicts: [{ result: undefined }], refunds: [] });
  });

  it('decides advisories of granted decisions alone, and hands each decision its own', async () => {
    const advise = (subject: string) => ({ kind: 'candidate', rule: subject, charges: [makeCharge(subject)] }) as const;
    const decisions = [
      prepare([makeCharge('1')], { advisories: [advise('101'), advise('13')] }),
      prepare([makeCharge('13')], { advisories: [advise('102')] }),
      prepare([makeCharge('2')]),
      prepare([makeCharge('3')], { advisories: [advise('103')] }),
    ];
    const { verdicts } = await decideBatch(store, decisions, (index) => index === 3);
    const reported = verdicts.map(({ advisories = [] }) =>
      advisories.map(({ advisory, result }) => [
        advisory.charges[0]?.subject,
        !(result instanceof StoreUnavailable) && result.granted,
      ]),
    );
    expect(reported).toEqual([
      [
        ['101', true],
        ['13', false],
      ],
      [],
      [],
      [],
    ]);
  });

  it('refunds the grants of abandoned decisions and of those that their advisories reject', async () => {
    const decisions = [
      prepare([makeCharge('1')]),
      prepare([makeCharge('2')]),
      prepare([makeCharge('13')]),
      prepare([makeCharge('3')], { isRejectedByAdvisories: () => true }),
    ];
    const { refunds } = await decideBatch(store, decisions, (index) => index === 1 || index === 2);
    expect(refunds.map(({ granted }) => granted.map(({ charge }) => charge.subject))).toEqual([['2'], ['3']]);
  });

  it('hands on the shadows of granted decisions alone', async () => {
    const withShadow = (subject: string) =>
      prepare([makeCharge(subject)], { shadows: [{ rule: `shadow ${subject}`, charges: [] }] });
    const { shadows } = await decideBatch(store, ['1', '13', '2'].map(withShadow), (index) => index === 2);
    expect(shadows.map(({ rule }) => rule)).toEqual(['shadow 1']);
  });

  it('leaves charged what limits with charge_rejected were charged', async () => {
    const owing = makeCharge('2', { chargeRejected: true });
    const decisions = [
      prepare([makeCharge('1'), owing], { isRejectedByAdvisories: () => true }),
      prepare([makeCharge('3'), owing]),
    ];
    const { refunds } = await decideBatch(store, decisions, (index) => index === 1);
    expect(refunds.map(({ granted }) => granted.map(({ charge }) => charge.subject))).toEqual([['1'], ['3']]);
  });

  it('hands on what rejected requests owe to limits that were not asked', async () => {
    const owing = makeCharge('1', { chargeRejected: true });
    const asked = {
      shadows: [{ rule: 'shadow', charges: [owing, makeCharge('2')] }],
      advisories: [{ kind: 'candidate', rule: 'candidate', charges: [makeCharge('3', { chargeRejected: true })] }],
    } as const;
    const decisions = [prepare([makeCharge('13')], asked), prepare([makeCharge('4')], asked)];
    const { chargesOfRejected } = await decideBatch(store, decisions, stay);
    expect(chargesOfRejected.map(({ charges }) => charges.map(({ subject, hits }) => [subject, hits]))).toEqual([
      [
        ['1', 1],
        ['1', 1],
      ],
      [
        ['3', 1],
        ['3', 1],
      ],
    ]);
    // The second charge of each never fits, so the store rejects it.
    expect(chargesOfRejected.map(({ charges }) => charges[1]?.limit.requests)).toEqual([0, 0]);
  });

  it.each([
    ['too few', (results: readonly DecisionResult[]) => results.slice(1), 'decisions: must be 2 (got 1)'],
    ['too many', (results: readonly DecisionResult[]) => [...results, ...results], 'decisions: must be 2 (got 4)'],
  ])('throws if the store answers %s results, so that no result decides another request', (_, change, message) => {
    const faulty = storeWith((decisions) => change(decisions.map((decision) => makeOutcome(decision, true))));
    const decisions = ['1', '2'].map((subject) => prepare([makeCharge(subject)]));
    expect(() => decideBatch(faulty, decisions, stay)).toThrow(message);
  });

  it('rejects if the store answers too few outcomes of charges', async () => {
    const faulty = storeWith(async (decisions) => decisions.map(() => makeOutcome({ charges: [] }, true)));
    await expect(decideBatch(faulty, [prepare([makeCharge('1')])], stay)).rejects.toThrow(
      'counter store: number of outcomes of charges: must be 1 (got 0)',
    );
  });
});
