import { expect, it } from 'vitest';
import { computeRetryDelay } from './retry-schedule.ts';

it('the time to the next attempt doubles up to an hour', () => {
  const delays = [1, 2, 3, 10, 11, 1000].map((attempts) => computeRetryDelay(attempts, 0.5));
  expect(delays).toEqual([5_000, 10_000, 20_000, 2_560_000, 3_600_000, 3_600_000]);
});

it('attempts that failed together are spread by 20%', () => {
  expect([0, 1].map((random) => computeRetryDelay(1, random))).toEqual([4_000, 6_000]);
});
