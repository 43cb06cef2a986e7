import { describe, expect, it } from 'vitest';
import { TokenBucket } from './abuse-budget.ts';

describe('a budget', () => {
  it('allows its burst at once, then no more than its rate', () => {
    const budget = new TokenBucket({ burst: 3, perSecond: 10 });
    expect([1, 2, 3, 4].map(() => budget.take(1, 1000))).toEqual([true, true, true, false]);
    expect(budget.wait(1000)).toBe(200);
    expect(budget.wait(1200)).toBe(0);
    expect(budget.take(1, 1200)).toBe(true);
    expect(budget.take(1, 1200)).toBe(false);
  });

  it('never saves up more than its burst', () => {
    const budget = new TokenBucket({ burst: 2, perSecond: 1000 });
    budget.take(2, 0);
    expect([1, 2, 3].map(() => budget.take(1, 60_000))).toEqual([true, true, false]);
  });
});
