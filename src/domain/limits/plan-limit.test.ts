import { describe, expect, it } from 'vitest';
import { RESERVED_METADATA_KEYS } from './metadata-key.ts';
import { parseKeyLimits, parsePlanLimits } from './plan.ts';
import { parsePlanLimit, toPlanLimitSpec, type UntrustedPlanLimitSpec } from './plan-limit.ts';

const valid = { name: 'burst', requests: 5, window: '60s' };

describe('name, routes, per and metadata_key of a plan’s limit', () => {
  it.each([
    {},
    { routes: ['search', '/v1/export', 'x'.repeat(255)] },
    { per: 'account' },
    { per: 'key', routes: ['a'] },
    { metadataKey: 'total_limit' },
    { metadataKey: 'total.limit-1', requests: 0 },
  ])('%j can be written and parsed again', (change) => {
    const limit = parsePlanLimit({ ...valid, ...change });
    if ('faults' in limit) throw new Error(JSON.stringify(limit));
    expect(limit).toMatchObject({ ...change, identity: 'burst/s60' });
    expect(toPlanLimitSpec(limit)).toEqual({ ...valid, algorithm: 'sliding_window', ...change });
    expect(parsePlanLimit(toPlanLimitSpec(limit))).toEqual(limit);
  });

  it('count as left out if they are empty', () => {
    expect(parsePlanLimit({ ...valid, routes: [], per: '', metadataKey: '' })).toEqual(parsePlanLimit(valid));
  });

  it('are not part of the identity, so that changing them keeps the counters', () => {
    const identity = (change: UntrustedPlanLimitSpec) => {
      const limit = parsePlanLimit({ ...valid, ...change });
      return 'identity' in limit ? limit.identity : undefined;
    };
    expect(identity({ routes: ['a'], per: 'account', metadataKey: 'a' })).toBe('burst/s60');
  });

  it.each<[UntrustedPlanLimitSpec, readonly string[]]>([
    [{ routes: 'search' }, ['routes']],
    [{ routes: null }, ['routes']],
    [{ routes: Array.from({ length: 65 }, (_, index) => `r${index}`) }, ['routes']],
    [{ routes: ['search', '', 5, 'search'] }, ['routes[1]', 'routes[2]', 'routes[3]']],
    [{ routes: ['has space'] }, ['routes[0]']],
    [{ routes: ['x'.repeat(256)] }, ['routes[0]']],
    [{ routes: ['sücht'] }, ['routes[0]']],
    [{ per: 'plan' }, ['per']],
    [{ per: 1, requests: 0 }, ['requests', 'per']],
    [{ name: 'freeTier', requests: 0, per: 1 }, ['name', 'requests', 'per']],
    [{ name: 'per user' }, ['name']],
    [{ name: '' }, ['name']],
    [{ requests: 0, window: '', algorithm: 'unlimited', routes: ['a'], per: 'key' }, ['routes', 'per']],
    ...['has space', 'ümlaut', 'x'.repeat(64), 5, ...RESERVED_METADATA_KEYS].map(
      (metadataKey): [UntrustedPlanLimitSpec, readonly string[]] => [{ metadataKey }, ['metadata_key']],
    ),
    [{ metadataKey: 'plan', requests: 0 }, ['requests', 'metadata_key']],
    ...[
      { algorithm: 'unlimited', requests: 0, window: '' },
      { algorithm: 'credits', window: '' },
      { algorithm: 'concurrency' },
    ].map((change): [UntrustedPlanLimitSpec, readonly string[]] => [
      { ...change, metadataKey: 'total' },
      ['metadata_key'],
    ]),
  ])('%j are rejected with the fields %j', (change, fields) => {
    const result = parsePlanLimit({ ...valid, ...change });
    expect('faults' in result && result.faults.map(({ field }) => field)).toEqual(fields);
  });

  it('must not have one metadata_key twice', () => {
    const limits = [
      { ...valid, metadataKey: 'total' },
      { ...valid, name: 'day', metadataKey: 'total' },
    ];
    expect(parsePlanLimits(limits)).toEqual({
      faults: [{ field: 'limits[1].metadata_key', description: 'must be unique: another limit has "total"' }],
    });
  });

  it('of a key’s own limit cannot share it with the account', () => {
    const shared = [valid, { ...valid, name: 'shared', per: 'account' }];
    expect(parsePlanLimits(shared)).toHaveLength(2);
    expect(parseKeyLimits(shared)).toMatchObject({ faults: [{ field: 'limits[1].per' }] });
    expect(parseKeyLimits([{ ...valid, per: 'key', routes: ['a'] }])).toHaveLength(1);
  });
});
