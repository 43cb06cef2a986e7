import { describe, expect, it } from 'vitest';
import { parseKeyLimits, parsePlanLimits } from './plan.ts';
import { parsePlanLimit, toPlanLimitSpec, type UntrustedPlanLimitSpec } from './plan-limit.ts';

const written = { name: 'burst', requests: 5, window: '60s' };

describe('routes and per of a limit', () => {
  it.each([{}, { routes: ['search', '/v1/export'] }, { per: 'account' }, { per: 'key', routes: ['a'] }])(
    '%j are written as they were read',
    (change) => {
      const limit = parsePlanLimit({ ...written, ...change });
      if ('faults' in limit) throw new Error(JSON.stringify(limit));
      expect(limit).toMatchObject({ ...change, identity: 'burst/s60' });
      expect(toPlanLimitSpec(limit)).toEqual({ ...written, algorithm: 'sliding_window', ...change });
      expect(parsePlanLimit(toPlanLimitSpec(limit))).toEqual(limit);
    },
  );

  it('that are empty are left out', () => {
    expect(parsePlanLimit({ ...written, routes: [], per: '' })).toEqual(parsePlanLimit(written));
  });

  it('are not what a counter is kept by, so that a change of them keeps what is counted', () => {
    const identity = (change: UntrustedPlanLimitSpec) => {
      const limit = parsePlanLimit({ ...written, ...change });
      return 'identity' in limit ? limit.identity : undefined;
    };
    expect(identity({ routes: ['a'], per: 'account' })).toBe('burst/s60');
  });

  it.each<[UntrustedPlanLimitSpec, readonly string[]]>([
    [{ routes: 'search' }, ['routes']],
    [{ routes: null }, ['routes']],
    [{ routes: Array.from({ length: 65 }, (_, index) => `r${index}`) }, ['routes']],
    [{ routes: ['search', '', 5, 'search'] }, ['routes[1]', 'routes[2]', 'routes[3]']],
    [{ routes: ['has space'] }, ['routes[0]']],
    [{ routes: ['x'.repeat(64)] }, ['routes[0]']],
    [{ routes: ['sücht'] }, ['routes[0]']],
    [{ per: 'plan' }, ['per']],
    [{ per: 1, requests: 0 }, ['requests', 'per']],
    [{ requests: 0, window: '', algorithm: 'unlimited', routes: ['a'], per: 'key' }, ['routes', 'per']],
  ])('%j are refused by the names %j', (change, fields) => {
    const refused = parsePlanLimit({ ...written, ...change });
    expect('faults' in refused && refused.faults.map(({ field }) => field)).toEqual(fields);
  });

  it('of a key cannot be shared by its account', () => {
    const shared = [written, { ...written, name: 'shared', per: 'account' }];
    expect(parsePlanLimits(shared)).toHaveLength(2);
    expect(parseKeyLimits(shared)).toMatchObject({ faults: [{ field: 'limits[1].per' }] });
    expect(parseKeyLimits([{ ...written, per: 'key', routes: ['a'] }])).toHaveLength(1);
  });
});
