import { describe, expect, it } from 'vitest';
import { parsePlanLimit } from '../limits/plan-limit.ts';
import { findPlanPeriodEnd } from './plan-period.ts';

const NOW = Date.parse('2030-01-30T22:30:00Z');

const limit = (name: string, fields: object) => {
  const parsed = parsePlanLimit({ name, requests: 10, ...fields });
  if ('faults' in parsed) throw new Error(JSON.stringify(parsed.faults));
  return parsed;
};
const hour = limit('hour', { window: '1h', algorithm: 'calendar' });
const day = limit('day', { window: '1d', timeZone: 'Europe/Berlin' });
const month = limit('month', { window: '1mo', anchorDay: 31 });
const burst = limit('burst', { window: '365d', algorithm: 'sliding_window' });

describe('the end of the period of a plan', () => {
  it.each([
    ['without a calendar limit, the end of the month in UTC', [burst], '2030-02-01T00:00:00Z'],
    ['the end of the only calendar limit', [burst, hour], '2030-01-30T23:00:00Z'],
    ['the end of the longest calendar limit, in its time zone', [hour, day], '2030-01-30T23:00:00Z'],
    ['the end of a month that begins on another day', [hour, month, day], '2030-01-31T00:00:00Z'],
    [
      'of two limits of one length, the end of the first',
      [day, limit('utc', { window: '1d' })],
      '2030-01-30T23:00:00Z',
    ],
    [
      'for an unlimited plan, the end of the month',
      [limit('none', { requests: 0, algorithm: 'unlimited' })],
      '2030-02-01T00:00:00Z',
    ],
  ])('is %s', (_, limits, end) => {
    expect(new Date(findPlanPeriodEnd(limits, NOW)).toISOString()).toBe(new Date(end).toISOString());
  });

  it('is the next one at the very end of a period', () => {
    const end = findPlanPeriodEnd([day], NOW);
    expect(findPlanPeriodEnd([day], end) - end).toBe(86_400_000);
  });
});
