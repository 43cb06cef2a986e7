import { describe, expect, it } from 'vitest';
import { parsePlanLimits } from './plan.ts';

const valid = { name: 'burst', requests: 5, window: '60s', algorithm: '' };

describe('the limits of a plan', () => {
  it.each([
    ['1h', 'sliding_window'],
    ['1d', 'calendar'],
    ['86400s', 'calendar'],
    ['24h', 'calendar'],
    ['7d', 'calendar'],
    ['1w', 'calendar'],
    ['1mo', 'calendar'],
    ['1y', 'calendar'],
  ])('of %s have the default algorithm %s', (window, algorithm) => {
    expect(parsePlanLimits([{ ...valid, window }])).toMatchObject([{ algorithm }]);
    const { algorithm: _, ...without } = { ...valid, window };
    expect(parsePlanLimits([without])).toMatchObject([{ algorithm }]);
  });

  it('of a day or longer keep an explicit algorithm', () => {
    const limits = [{ ...valid, window: '30d', algorithm: 'sliding_window' }];
    expect(parsePlanLimits(limits)).toMatchObject([{ algorithm: 'sliding_window', windowSeconds: 2_592_000 }]);
  });

  it('of 30 days need an explicit algorithm: a calendar month is something else', () => {
    const result = parsePlanLimits([{ ...valid, window: '30d' }]);
    expect(result).toMatchObject({ faults: [{ field: 'limits[0].window' }] });
    expect('faults' in result && result.faults[0]?.description).toContain('1mo');
  });

  it('are rejected with the path of each fault', () => {
    const result = parsePlanLimits([valid, { ...valid, requests: 0 }, valid]);
    expect(result).toMatchObject({ faults: [{ field: 'limits[1].requests' }, { field: 'limits[2].name' }] });
  });

  it('may be empty, which means unlimited', () => expect(parsePlanLimits([])).toEqual([]));
});
