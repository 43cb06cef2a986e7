import { describe, expect, it } from 'vitest';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import type { ThresholdCrossing } from '../../domain/limits/limit-threshold.ts';
import { parseLimit } from '../../domain/limits/parse-limit.ts';
import { ThresholdWatch } from './threshold-watch.ts';

const NOON = Date.parse('2030-01-31T12:00:00Z') * 1000;
const HOUR = 3_600_000_000;

function limit(fields: object): CountedLimit {
  const parsed = parseLimit({ name: 'a', requests: 100, window: '1h', notifyAt: [100, 80], ...fields });
  if (!('identity' in parsed)) throw new Error(JSON.stringify(parsed));
  return parsed;
}

/** Watches a counter. `see` shows the hits that are used, and returns the shares that this reports. */
function watch(watched: CountedLimit) {
  const crossings: ThresholdCrossing[] = [];
  const thresholds = new ThresholdWatch((crossing) => crossings.push(crossing));
  const see = (used: number, answeredAt = NOON, subject = 'account|a', by = watched) => {
    const remaining = (by.algorithm === 'token_bucket' ? by.burst : by.requests) - used;
    thresholds.observe({ subject, limit: by, remaining, answeredAt });
    return crossings.splice(0).map(({ threshold }) => threshold);
  };
  return { see, crossings, thresholds };
}

describe('the shares of a limit', () => {
  it.each([
    ['sliding_window', {}],
    ['calendar', { algorithm: 'calendar' }],
    ['credits', { algorithm: 'credits', window: undefined }],
    ['token_bucket, of its burst', { algorithm: 'token_bucket', requests: 5, burst: 100 }],
  ])('are reported once, when the usage reaches them: %s', (_, fields) => {
    const { see } = watch(limit(fields));
    expect(see(79)).toEqual([]);
    expect(see(80)).toEqual([80]);
    expect(see(99)).toEqual([]);
    expect(see(100)).toEqual([100]);
    expect(see(150)).toEqual([]);
  });

  it('are reported for each subject, and all of those that one request reaches', () => {
    const { see } = watch(limit({}));
    expect(see(100, NOON, 'account|a')).toEqual([80, 100]);
    expect(see(85, NOON, 'account|b')).toEqual([80]);
  });

  it('of a sliding window are reported again after a usage more than 10 points lower', () => {
    const { see } = watch(limit({}));
    expect(see(100)).toEqual([80, 100]);
    expect(see(90)).toEqual([]);
    expect(see(100)).toEqual([]);
    expect(see(89)).toEqual([]);
    expect(see(100)).toEqual([100]);
    expect(see(69)).toEqual([]);
    expect(see(100)).toEqual([80, 100]);
  });

  it('of a limit with periods are reported once in each of them, whatever the usage was in between', () => {
    const { see } = watch(limit({ algorithm: 'calendar' }));
    expect(see(80)).toEqual([80]);
    expect(see(0)).toEqual([]);
    expect(see(80, NOON + HOUR - 1)).toEqual([]);
    expect(see(80, NOON + HOUR)).toEqual([80]);
    const fixed = watch(limit({ algorithm: 'fixed_window', window: '30m' }));
    expect(fixed.see(80)).toEqual([80]);
    expect(fixed.see(80, NOON + HOUR / 2 - 1)).toEqual([]);
    expect(fixed.see(80, NOON + HOUR / 2)).toEqual([80]);
  });

  it('are those of the limit as it is now', () => {
    const before = limit({});
    const { see } = watch(before);
    expect(see(80, NOON, 'account|a', before)).toEqual([80]);
    expect(see(80, NOON, 'account|a', limit({ notifyAt: [50] }))).toEqual([50]);
  });

  it('name the end of their period, or when the usage was low before', () => {
    const { thresholds, crossings } = watch(limit({}));
    const observe = (by: CountedLimit, remaining: number, answeredAt: number) =>
      thresholds.observe({ subject: 'account|a', limit: by, remaining, answeredAt });
    observe(limit({ algorithm: 'calendar' }), 15, NOON);
    expect(crossings).toMatchObject([{ used: 85, periodEnd: NOON + HOUR, lowAt: undefined, crossedAt: NOON }]);
    const sliding = limit({});
    observe(sliding, 50, NOON);
    observe(sliding, 20, NOON + 1);
    expect(crossings.at(-1)).toMatchObject({ used: 80, periodEnd: undefined, lowAt: NOON, crossedAt: NOON + 1 });
  });

  it('are still known after many other counters were seen', () => {
    const { see } = watch(limit({}));
    expect(see(80)).toEqual([80]);
    for (let other = 0; other < 32_768; other++) see(1, NOON, `account|${other}x`);
    expect(see(80)).toEqual([]);
  });
});
