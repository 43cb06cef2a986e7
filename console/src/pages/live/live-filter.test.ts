import { describe, expect, it } from 'vitest';
import { writeLiveFilter } from './live-filter.ts';

const since = new Date('2026-11-30T12:00:00Z');
const NONE = { show: '', account: '', apiKey: '', route: '', code: '' };
const SINCE = 'create_time > "2026-11-30T12:00:00.000Z"';

describe('writeLiveFilter', () => {
  it('asks for requests that Weir refused, unless told otherwise', () => {
    expect(writeLiveFilter(NONE, since)).toBe(`${SINCE} AND code != ""`);
    expect(writeLiveFilter({ ...NONE, show: 'all' }, since)).toBe(SINCE);
  });

  it('takes keys with and without their collection, and quotes what people type', () => {
    expect(writeLiveFilter({ ...NONE, apiKey: 'apiKeys/a', code: 'x"y' }, since)).toBe(
      `${SINCE} AND code = "x\\"y" AND api_key = "apiKeys/a"`,
    );
    expect(writeLiveFilter({ ...NONE, apiKey: 'a', code: 'x' }, since)).toContain('api_key = "apiKeys/a"');
  });
});
