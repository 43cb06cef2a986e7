import { describe, expect, it } from 'vitest';
import type { SlidingWindowLimit } from '../../domain/limits/limit.ts';
import { emptySlice, hitsToLease, leaseDuration, recordDemand } from './slice.ts';

function makeLimit(requests: number, windowSeconds: number): SlidingWindowLimit {
  return { name: 'hot', algorithm: 'sliding_window', requests, windowSeconds, identity: 'hot', lease: true };
}

const limit = makeLimit(1000, 3600);

describe('a slice of a limit', () => {
  it('lasts a sixteenth of the window, and a second at most', () => {
    expect(leaseDuration(makeLimit(1000, 8))).toBe(500);
    expect(leaseDuration(makeLimit(1000, 60))).toBe(1000);
  });

  it('is as large as the demand of the last second', () => {
    const slice = emptySlice('a', limit, 0);
    recordDemand(slice, 100, 500);
    expect(hitsToLease(slice, 500)).toBe(100);
    recordDemand(slice, 10, 1000);
    expect(hitsToLease(slice, 1000)).toBe(100);
    recordDemand(slice, 10, 3500);
    expect(hitsToLease(slice, 3500)).toBe(0);
  });

  it('takes a quarter of what the store has left at most', () => {
    const slice = emptySlice('a', limit, 0);
    recordDemand(slice, 900, 0);
    expect(hitsToLease(slice, 0)).toBe(250);
  });

  it('is not requested for a demand of less than 16 hits', () => {
    const slice = emptySlice('a', limit, 0);
    recordDemand(slice, 15, 0);
    expect(hitsToLease(slice, 0)).toBe(0);
    recordDemand(slice, 1, 0);
    expect(hitsToLease(slice, 0)).toBe(16);
  });

  it('is renewed when less than a quarter of it is unspent, unless a request is on its way', () => {
    const slice = emptySlice('a', limit, 0);
    recordDemand(slice, 100, 0);
    Object.assign(slice, { size: 100, unspent: 25, expiresAt: 1000 } satisfies Partial<typeof slice>);
    expect(hitsToLease(slice, 0)).toBe(0);
    slice.unspent = 24;
    expect(hitsToLease(slice, 0)).toBe(100);
    slice.isRequested = true;
    expect(hitsToLease(slice, 0)).toBe(0);
  });
});
