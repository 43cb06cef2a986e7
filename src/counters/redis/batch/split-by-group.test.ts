import { describe, expect, it } from 'vitest';
import {
  type Charge,
  type ChargeOutcome,
  type Decision,
  type Receipt,
  StoreUnavailable,
} from '../../../decide/ports.ts';
import type { SlidingWindowLimit } from '../../../domain/limits/limit.ts';
import { type DecidedPart, mergeParts, splitDecisions, splitReceipts } from './split-by-group.ts';

const limit: SlidingWindowLimit = {
  name: 'burst',
  algorithm: 'sliding_window',
  requests: 5,
  windowSeconds: 60,
  identity: 'burst/sliding_window/60',
};

/** The group of a subject here is its first character. */
const groupForSubject = (subject: string) => Number(subject[0]);

function charge(subject: string, hits = 1): Charge {
  return { subject, limit, hits };
}

function outcome(remaining: number): ChargeOutcome {
  return { exceeded: false, remaining, resetAfter: 10, freeAt: 20, retryAfter: undefined, blockedFor: undefined };
}

function decide(decision: Decision, results: readonly DecidedPart['result'][]): DecidedPart[] {
  const parts = [...splitDecisions([decision], groupForSubject).values()].flat();
  return parts.map((part, i) => ({ part, result: results[i] ?? new StoreUnavailable('no result') }));
}

describe('splitting decisions by group', () => {
  it('keeps the order of the decisions in each group, and the charges of each decision together', () => {
    const decisions = [{ charges: [charge('1a'), charge('2b'), charge('1c')] }, { charges: [charge('1d')] }];
    const groups = splitDecisions(decisions, groupForSubject);
    expect([...groups.keys()]).toEqual([1, 2]);
    expect(groups.get(1)?.map(({ decisionIndex, chargeIndexes }) => [decisionIndex, chargeIndexes])).toEqual([
      [0, [0, 2]],
      [1, [0]],
    ]);
    expect(groups.get(2)?.map(({ charges }) => charges.map(({ subject }) => subject))).toEqual([['2b']]);
  });
});

describe('splitting receipts by group', () => {
  it('gives each part only the charges of its group', () => {
    const receipt: Receipt = {
      id: 'r',
      source: 'redis',
      expiresAt: 5,
      granted: ['1a', '2b', '1c'].map((subject) => ({ charge: charge(subject), countsUntil: 9 })),
    };
    const groups = splitReceipts([receipt], groupForSubject);
    expect(
      Array.from(groups, ([group, parts]) => [
        group,
        parts.map((part) => [
          part.receiptIndex,
          part.receipt.id,
          part.receipt.granted.map((each) => each.charge.subject),
        ]),
      ]),
    ).toEqual([
      [1, [[0, 'r', ['1a', '1c']]]],
      [2, [[0, 'r', ['2b']]]],
    ]);
  });
});

describe('merging the parts of a decision', () => {
  const decision: Decision = { charges: [charge('1a', 2), charge('2b', 3), charge('1c', 4)] };
  const first = { granted: true, source: 'redis', charges: [outcome(10), outcome(12)] } as const;

  it('grants it when all parts are granted, with the outcomes in the order of its charges', () => {
    const refunds: Receipt[] = [];
    const parts = decide(decision, [first, { granted: true, source: 'redis', charges: [outcome(11)] }]);
    const merged = mergeParts(decision.charges, parts, refunds);
    expect(merged).toEqual({ granted: true, source: 'redis', charges: [outcome(10), outcome(11), outcome(12)] });
    expect(refunds).toEqual([]);
  });

  it('refunds the granted parts when another part is rejected, and counts their hits as remaining', () => {
    const refunds: Receipt[] = [];
    const parts = decide(decision, [first, { granted: false, source: 'redis', charges: [outcome(0)] }]);
    const merged = mergeParts(decision.charges, parts, refunds);
    expect(merged).toEqual({ granted: false, source: 'redis', charges: [outcome(12), outcome(0), outcome(16)] });
    expect(refunds.map(({ granted }) => granted.map((each) => each.charge.subject))).toEqual([['1a', '1c']]);
  });

  it('is unavailable when a part is, and refunds the granted parts', () => {
    const refunds: Receipt[] = [];
    expect(mergeParts(decision.charges, decide(decision, [first]), refunds)).toBeInstanceOf(StoreUnavailable);
    expect(refunds).toHaveLength(1);
  });

  it('throws when a part has too few outcomes', () => {
    const parts = decide(decision, [{ ...first, charges: [outcome(10)] }, first]);
    expect(() => mergeParts(decision.charges, parts, [])).toThrow(RangeError);
  });
});
