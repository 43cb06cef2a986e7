import { describe, expect, it } from 'vitest';
import type { Charge } from '../decide/ports.ts';
import type { SlidingWindowLimit } from '../domain/limits/limit.ts';
import { mergeCharges, spreadOutcomes } from './merge-charges.ts';

function makeLimit(requests: number): SlidingWindowLimit {
  return { name: 'a', algorithm: 'sliding_window', requests, windowSeconds: 60, identity: 'a/sliding_window/60' };
}

describe('merging the charges of a decision', () => {
  it('returns charges on different counters unchanged', () => {
    const charges = ['a', 'b'].map((subject): Charge => ({ subject, limit: makeLimit(5), hits: 1 }));
    expect(mergeCharges(charges)).toEqual({ charges, indexes: undefined });
  });

  it('sums charges on the same counter under the lowest of their limits', () => {
    const charges = [5, 3, 4].map((requests): Charge => ({ subject: 'a', limit: makeLimit(requests), hits: 2 }));
    const other: Charge = { subject: 'b', limit: makeLimit(5), hits: 1 };
    const merged: Charge = { subject: 'a', limit: makeLimit(3), hits: 6, isSettlement: false };
    expect(mergeCharges([...charges.slice(0, 1), other, ...charges.slice(1)])).toEqual({
      charges: [merged, other],
      indexes: [0, 1, 0, 0],
    });
  });
});

describe('spreading the outcomes of merged charges', () => {
  it('throws when a counter has no outcome', () => {
    expect(() => spreadOutcomes([], [0, 0])).toThrow('index: must be at least 0 and below 0 (got 0)');
  });
});
