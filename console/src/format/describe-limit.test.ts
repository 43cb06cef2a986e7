import { describe, expect, it } from 'vitest';
import { describeLimit, describeWindow } from './describe-limit.ts';

describe('describeWindow', () => {
  it('uses the largest unit that divides the seconds', () => {
    expect(['1s', '60s', '90s', '300s', '86400s', '604800s'].map(describeWindow)).toEqual([
      ...['second', 'minute', '90 seconds', '5 minutes', 'day', 'week'],
    ]);
  });

  it('names months and years as they are', () => {
    expect(['1mo', '1y', '2w'].map(describeWindow)).toEqual(['month', 'year', '2 weeks']);
  });
});

describe('describeLimit', () => {
  it('names count, window, algorithm and scope', () => {
    const limit = { requests: 1000, window: '60s', algorithm: 'sliding_window', per: 'account', blockFor: '30s' };
    expect(describeLimit(limit)).toBe('1,000 per minute, sliding window, shared by the account, blocks for 30 seconds');
    expect(describeLimit({ ...limit, per: '', blockFor: '60s' })).toContain('blocks for 1 minute');
  });

  it('describes the limits that have no window', () => {
    expect(describeLimit({ algorithm: 'unlimited' })).toBe('unlimited');
    expect(describeLimit({ algorithm: 'credits', requests: 5 })).toBe('5 in all, credits');
  });

  it('names the scope of every algorithm that counts', () => {
    const credits = { algorithm: 'credits', requests: 5, per: 'account' };
    expect(describeLimit(credits)).toBe('5 in all, credits, shared by the account');
    expect(describeLimit({ ...credits, algorithm: 'token_bucket', window: '1s', blockFor: '1m' })).toBe(
      '5 per second, token bucket of 5, shared by the account, blocks for 1 minute',
    );
  });

  it('names the size of a bucket, which is that of the limit unless it has a burst', () => {
    const bucket = { algorithm: 'token_bucket', requests: 10, window: '1s' };
    expect(describeLimit(bucket)).toBe('10 per second, token bucket of 10');
    expect(describeLimit({ ...bucket, burst: 20 })).toBe('10 per second, token bucket of 20');
  });
});
