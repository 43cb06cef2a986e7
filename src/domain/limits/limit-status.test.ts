import { describe, expect, it } from 'vitest';
import { ceilToSeconds, combinedRetryAfterSeconds, type LimitStatus, tightestStatus } from './limit-status.ts';

const status = (change: Partial<LimitStatus>): LimitStatus => ({
  rule: 'plans/team',
  label: 'plans/team/burst',
  limit: { name: 'burst', algorithm: 'sliding_window', requests: 5, windowSeconds: 60, identity: 'burst' },
  exceeded: false,
  remaining: 3,
  resetSeconds: 60,
  retryAfterSeconds: undefined,
  ...change,
});

describe('the tightest of several limits', () => {
  it('is the one with the fewest remaining requests', () => {
    const least = status({ remaining: 1 });
    expect(tightestStatus([status({}), least, status({})])).toBe(least);
  });

  it('is an exceeded one rather than one with fewer remaining requests', () => {
    const exceeded = status({ exceeded: true, remaining: 2, retryAfterSeconds: 1 });
    expect(tightestStatus([status({ remaining: 0 }), exceeded])).toBe(exceeded);
  });

  it('is the exceeded one with the longest wait; a request that never fits waits longest', () => {
    const day = status({ exceeded: true, retryAfterSeconds: 3600 });
    const never = status({ exceeded: true });
    expect(tightestStatus([status({ exceeded: true, retryAfterSeconds: 2 }), day])).toBe(day);
    expect(tightestStatus([never, day])).toBe(never);
  });

  it('is undefined if there are no limits', () => expect(tightestStatus([])).toBeUndefined());
});

describe('the combined retry-after', () => {
  it('is the longest wait of the limits that rejected the request', () => {
    const limits = [3, 7, 5].map((seconds) => status({ exceeded: true, retryAfterSeconds: seconds }));
    expect(combinedRetryAfterSeconds([...limits, status({ resetSeconds: 99 })])).toBe(7);
  });

  it('is undefined if one of them never lets the request pass', () => {
    const limits = [status({ exceeded: true, retryAfterSeconds: 3 }), status({ exceeded: true })];
    expect(combinedRetryAfterSeconds(limits)).toBeUndefined();
  });

  it('is undefined if no limit rejected the request', () =>
    expect(combinedRetryAfterSeconds([status({})])).toBeUndefined());

  it('is rounded up to whole seconds', () => {
    expect([0, 1, 1_000_000, 1_000_001].map(ceilToSeconds)).toEqual([0, 1, 1, 2]);
  });
});
