import { describe, expect, it } from 'vitest';
import { MemoryBudget } from './memory-budget.ts';

const createBudget = () => new MemoryBudget({ connection: 8, network: 16, total: 40 });

describe('the memory budget for incomplete messages', () => {
  it('limits one connection to its share, and allows more once the connection has released some', () => {
    const reserve = createBudget().forConnection('a');
    expect(reserve(8)).toBe(true);
    expect(reserve(1)).toBe(false);
    expect(reserve(-1)).toBe(true);
  });

  it('limits the connections of one network together, and leaves the rest to other networks', () => {
    const budget = createBudget();
    const [first, second, third] = [1, 2, 3].map(() => budget.forConnection('a'));
    expect([first?.(8), second?.(8), third?.(1)]).toEqual([true, true, false]);
    expect(budget.forConnection('b')(8)).toBe(true);
    expect(first?.(-8)).toBe(true);
  });

  it('limits all connections together, and allows more once any of them has released some', () => {
    const budget = createBudget();
    const reservations = ['a', 'a', 'b', 'b', 'c', 'd'].map((network) => budget.forConnection(network));
    expect(reservations.map((reserve) => reserve(8))).toEqual([true, true, true, true, true, false]);
    expect(reservations[0]?.(-8)).toBe(true);
  });
});
