import { describe, expect, it } from 'vitest';
import { countByBucket, sumUsageByGroup } from './sum-usage.ts';

const ROWS = [
  { startTime: '2026-11-30T10:00:00Z', route: 'search', totals: { requests: '3', allowed: '2', denied: '1' } },
  { startTime: '2026-11-30T11:00:00Z', totals: { requests: '9', allowed: '9', hits: '20' } },
  { startTime: '2026-11-30T12:00:00Z', route: 'search', totals: { requests: '4', allowed: '4' } },
];

describe('sumUsageByGroup', () => {
  it('adds up numbers that come as strings, or not at all, and puts the largest first', () => {
    const groups = sumUsageByGroup(ROWS, ({ route = '' }) => route);
    expect(groups.map(({ key, totals }) => [key, totals.requests, totals.allowed, totals.denied, totals.hits])).toEqual(
      [
        ['', '9', '9', '0', '20'],
        ['search', '7', '6', '1', '0'],
      ],
    );
  });
});

describe('countByBucket', () => {
  const hours = [10, 11, 12, 13].map((hour) => Date.UTC(2026, 10, 30, hour));

  it('has 0 for buckets without a row', () => {
    expect(countByBucket(ROWS, hours, 'requests')).toEqual([3, 9, 4, 0]);
    expect(countByBucket([], hours, 'requests')).toEqual([0, 0, 0, 0]);
  });

  it('adds a row to the bucket in which it begins, also if an older one was coarser', () => {
    expect(countByBucket(ROWS, [Date.UTC(2026, 10, 30, 11), Date.UTC(2026, 10, 30, 13)], 'allowed')).toEqual([15, 0]);
  });
});
