import { describe, expect, it } from 'vitest';
import type { PlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { supersedeLimits } from '../../domain/limits/superseded-limit.ts';
import { describeCounterChanges } from './counter-changes.ts';

const NOW = Date.UTC(2026, 4, 10, 10, 30);
const burst = { name: 'burst', requests: 5, window: '60s', algorithm: 'sliding_window' };
const day = { name: 'day', requests: 100, window: '1d', algorithm: 'calendar', timeZone: 'Europe/Berlin' };
const credits = { name: 'credits', requests: 9, window: '', algorithm: 'credits' };

function describeEdit(before: readonly PlanLimitSpec[], after: readonly PlanLimitSpec[]): readonly string[] {
  return describeCounterChanges(before, after, supersedeLimits(before, after, [], NOW), NOW);
}

describe('the counters of an updated plan', () => {
  it.each([
    ['the same limits', [burst, day]],
    ['other numbers', [{ ...burst, requests: 9, window: '1m' }, day]],
    ['other routes', [{ ...burst, routes: ['a'] }, day]],
    ['a limit less', [day]],
    ['a limit more', [burst, day, { ...burst, name: 'more' }]],
    ['a limit that counts nothing', [burst, day, { name: 'none', algorithm: 'unlimited', requests: 0, window: '' }]],
  ])('continue with %s', (_, limits) => {
    expect(describeEdit([burst, day], limits)).toEqual([]);
  });

  it.each([
    ['another window', [{ ...burst, window: '2m' }, day], 'burst', '2026-05-10T10:31:03.750Z'],
    ['another algorithm', [{ ...burst, algorithm: 'fixed_window' }, day], 'burst', '2026-05-10T10:31:00.000Z'],
    ['another owner', [{ ...burst, per: 'account' }, day], 'burst', '2026-05-10T10:31:03.750Z'],
    ['another time zone', [burst, { ...day, timeZone: 'UTC' }], 'day', '2026-05-10T22:00:00.000Z'],
  ])('are joined by those of the previous limit with %s', (_, limits, name, end) => {
    const text = `limit "${name}": its window, algorithm or owner has changed; the previous limit holds as well until ${end}`;
    expect(describeEdit([burst, day], limits)).toEqual([text]);
  });

  it('start empty with another name', () => {
    expect(describeEdit([burst, day], [{ ...burst, name: 'peak' }, day])).toEqual([
      'limit "peak": its counters start empty; usage of the removed "burst" does not count for it',
    ]);
  });

  it('start empty with a window in place of credits', () => {
    expect(describeEdit([credits], [{ ...burst, name: 'credits' }])).toEqual([
      'limit "credits": its window, algorithm or owner has changed, so its counters start empty',
    ]);
  });
});
