import { describe, expect, it } from 'vitest';
import { computeInterval } from './rates.ts';

const read = (second: number, ok: number, refused: number, buckets: readonly [number, number][] = []) => ({
  readTime: new Date(second * 1000).toISOString(),
  decisions: {
    counts: [
      { question: 'check', verdict: 'allowed', source: 'redis', count: String(ok) },
      { question: 'rate_limit', verdict: 'over_limit', source: 'local', count: String(refused) },
    ],
    latencies: [
      {
        question: 'check',
        count: String(ok + refused),
        buckets: buckets.map(([maxSeconds, count]) => ({ maxSeconds, count: String(count) })),
      },
    ],
  },
});

describe('computeInterval', () => {
  it('divides what was counted by the time between two readings', () => {
    expect(computeInterval(read(100, 50, 5), read(102, 90, 15))).toMatchObject({
      time: 102,
      perSecond: 25,
      refusedPerSecond: 5,
      byVerdict: new Map([
        ['allowed', 20],
        ['over_limit', 5],
      ]),
      bySource: new Map([
        ['redis', 20],
        ['local', 5],
      ]),
    });
  });

  it('finds the bucket of the slowest hundredth of the calls in between', () => {
    const earlier = read(100, 1000, 0, [
      [0.001, 0],
      [0.01, 1000],
    ]);
    const later = read(101, 1100, 0, [
      [0.001, 99],
      [0.01, 1100],
    ]);
    expect(computeInterval(earlier, later)?.p99).toBe(0.001);
    expect(
      computeInterval(
        earlier,
        read(101, 1100, 0, [
          [0.001, 98],
          [0.01, 1100],
        ]),
      )?.p99,
    ).toBe(0.01);
  });

  it('skips readings between which a count was started again', () => {
    expect(computeInterval(read(100, 50, 5), read(102, 3, 0))).toBeUndefined();
  });

  it('counts an outcome that had not occurred before from 0', () => {
    const nothing = { readTime: new Date(100_000).toISOString() };
    expect(computeInterval(nothing, read(101, 7, 0))?.perSecond).toBe(7);
  });
});
