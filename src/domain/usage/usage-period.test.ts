import { describe, expect, it } from 'vitest';
import { parseUsagePeriod } from './usage-period.ts';

describe('a period of usage', () => {
  it.each([
    ['2026-11', 'month', '2026-11-01', '2026-12-01'],
    ['2026-12', 'month', '2026-12-01', '2027-01-01'],
    ['2028-02-29', 'day', '2028-02-29', '2028-03-01'],
  ])('%s is a %s of UTC', (text, unit, from, to) => {
    expect(parseUsagePeriod(text)).toEqual({ unit, from: Date.parse(from), to: Date.parse(to) });
  });

  it.each(['', '2026', '2026-13', '2026-00', '2026-02-29', '2026-1-1', '2026-11-30T00', '0000-00-00'])(
    'is not "%s"',
    (text) => expect(parseUsagePeriod(text)).toBeUndefined(),
  );
});
