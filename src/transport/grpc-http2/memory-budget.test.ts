import { describe, expect, it } from 'vitest';
import { MemoryBudget } from './memory-budget.ts';

const MEGABYTE = 1024 * 1024;

describe('the memory budget for incomplete messages', () => {
  it('limits one connection to its share, and allows more once the connection has released some', () => {
    const reserve = new MemoryBudget().forConnection();
    expect(reserve(8 * MEGABYTE)).toBe(true);
    expect(reserve(1)).toBe(false);
    expect(reserve(-1)).toBe(true);
  });

  it('limits all connections together, and allows more once any of them has released some', () => {
    const budget = new MemoryBudget();
    const connections = Array.from({ length: 33 }, () => budget.forConnection());
    const [reserveFirst, ...reserveOthers] = connections.map((reserve) => () => reserve(8 * MEGABYTE));
    for (const reserve of reserveOthers) expect(reserve()).toBe(true);
    expect(reserveFirst?.()).toBe(false);
    expect(connections[1]?.(-8 * MEGABYTE)).toBe(true);
  });
});
