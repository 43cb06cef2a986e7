import { describe, expect, it } from 'vitest';
import { parseLimit, writeLimit } from './limit.ts';
import { parsePlanLimits } from './plan.ts';

const written = { name: 'burst', requests: 5, window: '60s', algorithm: '' };

describe('a limit', () => {
  it('slides unless it says otherwise', () => {
    expect(parseLimit(written)).toMatchObject({ algorithm: 'sliding_window', requests: 5, windowSeconds: 60 });
  });

  it('keeps its identity when only its requests change, so that what was used stays used', () => {
    const identity = (change: object) => (parseLimit({ ...written, ...change }) as { identity: string }).identity;
    expect(identity({ requests: 9 })).toBe(identity({}));
    for (const change of [{ name: 'other' }, { window: '61s' }, { window: '1h', algorithm: 'calendar' }]) {
      expect(identity(change)).not.toBe(identity({}));
    }
  });

  it('is written as it was read', () => {
    const limit = parseLimit({ name: 'day', requests: 7, window: '24h', algorithm: 'calendar' });
    if (!('identity' in limit)) throw new Error('a fault');
    expect(writeLimit(limit)).toEqual({ name: 'day', requests: 7, window: '86400s', algorithm: 'calendar' });
  });

  it.each([
    ['name', { name: '' }],
    ['name', { name: 'With Space' }],
    ['name', { name: 'x'.repeat(64) }],
    ['requests', { requests: 0 }],
    ['requests', { requests: -1 }],
    ['requests', { requests: 1.5 }],
    ['requests', { requests: Number.NaN }],
    ['requests', { requests: 2 ** 32 }],
    ['window', { window: '' }],
    ['window', { window: '5 minutes' }],
    ['window', { window: '2h', algorithm: 'calendar' }],
    ['algorithm', { algorithm: 'leaky_bucket' }],
  ])('with a wrong %s is refused by that name: %j', (field, change) => {
    expect(parseLimit({ ...written, ...change })).toMatchObject([{ field }]);
  });

  it('tells all its faults at once', () => {
    expect(parseLimit({ name: '', requests: 0, window: 'x', algorithm: 'y' })).toMatchObject([
      { field: 'name' },
      { field: 'requests' },
      { field: 'window' },
      { field: 'algorithm' },
    ]);
  });
});

describe('the limits of a plan', () => {
  it('count by the calendar from a day on, unless they say otherwise', () => {
    const limits = parsePlanLimits([
      { name: 'hour', requests: 5, window: '1h', algorithm: '' },
      { name: 'day', requests: 5, window: '1d', algorithm: '' },
      { name: 'any-day', requests: 5, window: '1d', algorithm: 'sliding_window' },
    ]);
    expect(limits).toMatchObject([
      { algorithm: 'sliding_window' },
      { algorithm: 'calendar' },
      { algorithm: 'sliding_window' },
    ]);
  });

  it('are refused with the place of each fault', () => {
    const refused = parsePlanLimits([written, { ...written, requests: 0 }, written]);
    expect(refused).toMatchObject({ faults: [{ field: 'limits[1].requests' }, { field: 'limits[2].name' }] });
  });

  it('may be none: unlimited', () => expect(parsePlanLimits([])).toEqual([]));
});
