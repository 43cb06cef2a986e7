import { describe, expect, it } from 'vitest';
import { KEY_FILTERS, type KeyFilters, shortenKey, writeKeyFilter } from './key-filter.ts';

const NONE = Object.fromEntries(KEY_FILTERS.map((name) => [name, ''])) as KeyFilters;
const NOW = Date.parse('2030-01-31T10:20:30Z');

describe('writeKeyFilter', () => {
  it('lists all keys without filters', () => {
    expect(writeKeyFilter(NONE, NOW)).toBe('');
  });

  it('joins what is set, with quotes escaped', () => {
    const filters = { ...NONE, name: 'the "nightly"', hint: 'a1B2', account: 'acme', plan: 'plans/pro' };
    expect(writeKeyFilter({ ...filters, state: 'disabled', used: 'never' }, NOW)).toBe(
      String.raw`display_name : "the \"nightly\"" AND hint : "a1B2" AND account = "accounts/acme" AND plan = "plans/pro" AND disabled = true AND last_used_time = ""`,
    );
  });

  it('stays the same within an hour, so that a page does not load again by itself', () => {
    const filters = { ...NONE, state: 'expiring', used: 'unused' };
    expect(writeKeyFilter(filters, NOW)).toBe(writeKeyFilter(filters, NOW + 60_000));
    expect(writeKeyFilter(filters, NOW)).toContain('last_used_time < "2029-11-02T10:00:00.000Z"');
  });
});

describe('shortenKey', () => {
  it('keeps four characters of a whole key', () => {
    expect(shortenKey(' wk_live_0123456789ABCDEFGHIJKLMNOPQa1B2\n')).toBe('a1B2');
  });

  it('keeps hints and their parts', () => {
    expect(['a1B2', 'wk_live_…a1B2', 'acme_production_long_…a1B2'].map(shortenKey)).toEqual([
      ...['a1B2', 'wk_live_…a1B2', 'acme_production_long_…a1B2'],
    ]);
  });
});
