import { describe, expect, it } from 'vitest';
import { AbuseBudget } from './abuse-budget.ts';

describe('the budget for the overhead of a peer', () => {
  it('allows its burst at once, then no more than its rate', () => {
    const budget = new AbuseBudget({ burst: 3, perSecond: 10 });
    expect([1, 2, 3, 4].map(() => budget.spend(1, 1000))).toEqual([true, true, true, false]);
    expect(budget.computeWaitMs(1000)).toBe(200);
    expect(budget.computeWaitMs(1200)).toBe(0);
    expect(budget.spend(1, 1200)).toBe(true);
    expect(budget.spend(1, 1200)).toBe(false);
  });

  it('never saves up more than its burst', () => {
    const budget = new AbuseBudget({ burst: 2, perSecond: 1000 });
    budget.spend(2, 0);
    expect([1, 2, 3].map(() => budget.spend(1, 60_000))).toEqual([true, true, false]);
  });
});
