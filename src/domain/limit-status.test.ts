import { describe, expect, it } from 'vitest';
import { type LimitStatus, retryAfterSeconds, tightestStatus, wholeSeconds } from './limit-status.ts';

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

describe('of several limits', () => {
  it('the one with the least left is told', () => {
    const least = status({ remaining: 1 });
    expect(tightestStatus([status({}), least, status({})])).toBe(least);
  });

  it('an exceeded one is told before one that has less left', () => {
    const exceeded = status({ exceeded: true, remaining: 2, retryAfterSeconds: 1 });
    expect(tightestStatus([status({ remaining: 0 }), exceeded])).toBe(exceeded);
  });

  it('the exceeded one that keeps the caller waiting longest is told, and never-fitting waits longest', () => {
    const day = status({ exceeded: true, retryAfterSeconds: 3600 });
    const never = status({ exceeded: true });
    expect(tightestStatus([status({ exceeded: true, retryAfterSeconds: 2 }), day])).toBe(day);
    expect(tightestStatus([never, day])).toBe(never);
  });

  it('none is told where there is none', () => expect(tightestStatus([])).toBeUndefined());
});

describe('retry-after', () => {
  it('is the longest of the limits that refused', () => {
    const limits = [3, 7, 5].map((seconds) => status({ exceeded: true, retryAfterSeconds: seconds }));
    expect(retryAfterSeconds([...limits, status({ resetSeconds: 99 })])).toBe(7);
  });

  it('is not promised when one of them would never let it pass', () => {
    const limits = [status({ exceeded: true, retryAfterSeconds: 3 }), status({ exceeded: true })];
    expect(retryAfterSeconds(limits)).toBeUndefined();
  });

  it('is not told when nothing refused', () => expect(retryAfterSeconds([status({})])).toBeUndefined());

  it('is rounded up to whole seconds, because Envoy cuts off', () => {
    expect([0, 1, 1_000_000, 1_000_001].map(wholeSeconds)).toEqual([0, 1, 1, 2]);
  });
});
