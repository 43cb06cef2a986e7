import { describe, expect, it } from 'vitest';
import { parsePlanLimits } from './plan.ts';
import { type PlanLimitSpec, parsePlanLimit, toPlanLimitSpec, type UntrustedPlanLimitSpec } from './plan-limit.ts';
import { findHeldLimits, type SupersededLimitSpec, supersedeLimits } from './superseded-limit.ts';

const NOW = Date.UTC(2026, 4, 10, 10, 30);

function specify(fields: UntrustedPlanLimitSpec): PlanLimitSpec {
  const limit = parsePlanLimit({ name: 'burst', requests: 100, window: '60s', ...fields });
  if ('faults' in limit) throw new Error(JSON.stringify(limit.faults));
  return toPlanLimitSpec(limit);
}

/** Edits the limits of a plan, each `minutes` after the one before. Returns what is stored at the end. */
function edit(versions: readonly (readonly PlanLimitSpec[])[], minutes = 0): readonly SupersededLimitSpec[] {
  let stored: readonly SupersededLimitSpec[] = [];
  for (const [index, version] of versions.slice(1).entries()) {
    stored = supersedeLimits(versions[index] ?? [], version, stored, NOW + index * minutes * 60_000);
  }
  return stored;
}

/** The limits that hold `seconds` after NOW alongside the current ones: requests, window, and end in seconds from NOW. */
function listHeld(stored: readonly SupersededLimitSpec[], current: readonly PlanLimitSpec[], seconds = 0) {
  const limits = parsePlanLimits(current);
  if ('faults' in limits) throw new Error(JSON.stringify(limits.faults));
  return findHeldLimits(stored, limits, NOW + seconds * 1000).map(({ limit, holdsUntil }) => {
    const { requests, window, burst } = toPlanLimitSpec(limit);
    return [burst ?? requests, window, (holdsUntil - NOW) / 1000];
  });
}

function holdAfterEdit(before: UntrustedPlanLimitSpec, after: UntrustedPlanLimitSpec, seconds = 0) {
  const versions = [[specify(before)], [specify(after)]];
  return listHeld(edit(versions), [specify(after)], seconds);
}

const DAY = { window: '1d', algorithm: 'calendar' };
const HOURS_TO_MIDNIGHT_UTC = 13.5;

describe('a limit that an edit supersedes', () => {
  it.each([
    ['a longer window', {}, { window: '2m' }, [100, '60s', 63.75]],
    ['a shorter window', { window: '10m' }, {}, [100, '600s', 63.75]],
    [
      'another time zone',
      DAY,
      { ...DAY, timeZone: 'Europe/Berlin' },
      [100, '86400s', (HOURS_TO_MIDNIGHT_UTC - 2) * 3600],
    ],
    ['a month in place of a day', DAY, { ...DAY, window: '1mo' }, [100, '86400s', HOURS_TO_MIDNIGHT_UTC * 3600]],
    ['a day in place of a month', { ...DAY, window: '1mo' }, DAY, [100, '1mo', HOURS_TO_MIDNIGHT_UTC * 3600]],
    ['credits', {}, { window: '', algorithm: 'credits' }, [100, '60s', 63.75]],
    ['another owner', {}, { per: 'account' }, [100, '60s', 63.75]],
    ['a larger amount', {}, { requests: 500, algorithm: 'fixed_window' }, [500, '60s', 60]],
    ['a smaller amount', {}, { requests: 5, algorithm: 'fixed_window' }, [100, '60s', 60]],
    ['a bucket', {}, { algorithm: 'token_bucket', burst: 300 }, [300, '60s', 63.75]],
    ['no bucket', { algorithm: 'token_bucket', burst: 20 }, { requests: 500 }, [500, '60s', 12]],
  ])('holds alongside %s, with the larger amount, until its hits cannot count', (_, before, after, held) => {
    expect(holdAfterEdit(before, after)).toEqual([held]);
    const end = Number(held[2]);
    expect(holdAfterEdit(before, after, end - 0.001)).toEqual([held]);
    expect(holdAfterEdit(before, after, end)).toEqual([]);
  });

  it.each([
    ['other numbers', {}, { requests: 5, blockFor: '60s' }],
    ['another name', {}, { name: 'peak', window: '2m' }],
    ['no limit', {}, { requests: undefined, window: '', algorithm: 'unlimited' }],
    ['a window in place of credits', { window: '', algorithm: 'credits' }, {}],
  ])('does not hold with %s', (_, before, after) => {
    expect(holdAfterEdit(before, after)).toEqual([]);
  });

  it('counts the routes of the current limit, and settles if that does', () => {
    const after = [specify({ window: '2m', routes: ['a'], settle: true, onStoreFailure: 'deny' })];
    const before = [specify({ routes: ['b'], lease: true, blockFor: '5m' })];
    const limits = parsePlanLimits(after);
    if ('faults' in limits) throw new Error(JSON.stringify(limits.faults));
    const [held] = findHeldLimits(edit([before, after]), limits, NOW);
    expect(held?.limit).toMatchObject({ routes: ['a'], settle: true, onStoreFailure: 'deny' });
    expect(held?.limit).not.toHaveProperty('lease');
    expect(held?.limit).not.toHaveProperty('blockForSeconds');
  });
});

describe('a chain of edits', () => {
  const [first, second, third] = [specify({}), specify({ window: '2m' }), specify({ window: '3m' })];

  it('keeps all limits that still last', () => {
    const stored = edit([[first], [second], [third]]);
    expect(listHeld(stored, [third])).toEqual([
      [100, '120s', 127.5],
      [100, '60s', 63.75],
    ]);
  });

  it('forgets the limits that have ended', () => {
    const stored = edit([[first], [second], [third]], 2);
    expect(stored.map(({ limit }) => limit.window)).toEqual(['120s']);
  });

  it('counts on where an edit is undone', () => {
    const stored = edit([[first], [second], [first]]);
    expect(listHeld(stored, [first])).toEqual([[100, '120s', 63.75]]);
  });

  it('finds a limit again that was removed, or unlimited, in between', () => {
    const unlimited = { name: 'burst', requests: 0, window: '', algorithm: 'unlimited' };
    for (const between of [[specify({ name: 'other' })], [unlimited]]) {
      expect(listHeld(edit([[first], between, [second]]), [second])).toEqual([[100, '60s', 63.75]]);
    }
  });

  it('keeps the last four of a name', () => {
    const versions = Array.from({ length: 9 }, (_, index) => [specify({ window: `${60 + index}m` })]);
    const stored = edit(versions);
    expect(stored.map(({ limit }) => limit.window)).toEqual(['4020s', '3960s', '3900s', '3840s']);
  });
});
