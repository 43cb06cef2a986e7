import { expect, it } from 'vitest';
import { listDays } from './list-days.ts';

it('lists all days, with those that have no row as unused', () => {
  const rows = [
    { startTime: '2030-01-02T00:00:00Z', totals: { requests: '9007199254740991', allowed: '9007199254740990' } },
  ];
  expect(listDays(rows, new Date('2030-01-01T00:00:00Z'), 3)).toEqual([
    { time: 1_893_456_000, allowed: 0, rejected: 0 },
    { time: 1_893_542_400, allowed: 9_007_199_254_740_990, rejected: 1 },
    { time: 1_893_628_800, allowed: 0, rejected: 0 },
  ]);
});
