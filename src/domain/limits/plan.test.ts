import { describe, expect, it } from 'vitest';
import { parsePlanLimits } from './plan.ts';

const written = { name: 'burst', requests: 5, window: '60s', algorithm: '' };

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
  ])('of %s count by %s unless they say otherwise', (window, algorithm) => {
    expect(parsePlanLimits([{ ...written, window }])).toMatchObject([{ algorithm }]);
    const { algorithm: _, ...without } = { ...written, window };
    expect(parsePlanLimits([without])).toMatchObject([{ algorithm }]);
  });

  it('of a day or longer count as they say', () => {
    const limits = [{ ...written, window: '30d', algorithm: 'sliding_window' }];
    expect(parsePlanLimits(limits)).toMatchObject([{ algorithm: 'sliding_window', windowSeconds: 2_592_000 }]);
  });

  it('of 30 days must say how they count: a month of the calendar is another', () => {
    const refused = parsePlanLimits([{ ...written, window: '30d' }]);
    expect(refused).toMatchObject({ faults: [{ field: 'limits[0].window' }] });
    expect('faults' in refused && refused.faults[0]?.description).toContain('1mo');
  });

  it('are refused with the place of each fault', () => {
    const refused = parsePlanLimits([written, { ...written, requests: 0 }, written]);
    expect(refused).toMatchObject({ faults: [{ field: 'limits[1].requests' }, { field: 'limits[2].name' }] });
  });

  it('may be none: unlimited', () => expect(parsePlanLimits([])).toEqual([]));
});
