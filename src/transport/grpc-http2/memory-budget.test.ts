import { expect, it } from 'vitest';
import { MemoryBudget } from './memory-budget.ts';

const MEGABYTE = 1024 * 1024;

it('one connection holds no more than its share, and can again once it has let go', () => {
  const hold = new MemoryBudget().ofConnection();
  expect(hold(8 * MEGABYTE)).toBe(true);
  expect(hold(1)).toBe(false);
  expect(hold(-1)).toBe(true);
});

it('all together hold no more than theirs, whoever lets go of it', () => {
  const bytes = new MemoryBudget();
  const connections = Array.from({ length: 33 }, () => bytes.ofConnection());
  const [first, ...others] = connections.map((hold) => () => hold(8 * MEGABYTE));
  for (const hold of others) expect(hold()).toBe(true);
  expect(first?.()).toBe(false);
  expect(connections[1]?.(-8 * MEGABYTE)).toBe(true);
});
