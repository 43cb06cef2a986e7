import { describe, expect, it } from 'vitest';
import type { CountedLimit } from '../limits/limit.ts';
import type { UntrustedLimitSpec } from '../limits/limit-spec.ts';
import { parseLimit } from '../limits/parse-limit.ts';
import { checkpointPeriod, isCheckpointed } from './checkpoint.ts';
import { CREDITS_END } from './credit-balance.ts';

const counted = (spec: UntrustedLimitSpec): CountedLimit => {
  const limit = parseLimit({ name: 'quota', requests: 10, ...spec });
  if (!('identity' in limit)) throw new Error(JSON.stringify(limit));
  return limit;
};
const micros = (time: string) => Date.parse(time) * 1000;

describe('a checkpoint', () => {
  it.each([
    [{ algorithm: 'calendar', window: '1d' }, true],
    [{ algorithm: 'calendar', window: '1w' }, true],
    [{ algorithm: 'calendar', window: '1mo' }, true],
    [{ algorithm: 'calendar', window: '1y' }, true],
    [{ algorithm: 'credits' }, true],
    [{ algorithm: 'calendar', window: '1h' }, false],
    [{ algorithm: 'sliding_window', window: '30d' }, false],
    [{ algorithm: 'fixed_window', window: '1d' }, false],
    [{ algorithm: 'token_bucket', window: '1d', burst: 10 }, false],
    [{ algorithm: 'concurrency', window: '60s' }, false],
  ])('is kept of %o: %s', (spec, expected) => {
    expect(isCheckpointed(counted(spec))).toBe(expected);
  });

  it('belongs to the period of the limit in its time zone', () => {
    const month = counted({ algorithm: 'calendar', window: '1mo', timeZone: 'Europe/Berlin', anchorDay: 15 });
    expect(checkpointPeriod(month, micros('2026-11-14T23:00:00Z'))).toEqual({
      periodStart: micros('2026-11-14T23:00:00Z'),
      periodEnd: micros('2026-12-14T23:00:00Z'),
    });
  });

  it('of credits has no end', () => {
    const period = checkpointPeriod(counted({ algorithm: 'credits' }), micros('2026-11-14T23:00:00Z'));
    expect(period).toEqual({ periodStart: 0, periodEnd: CREDITS_END });
  });
});
