import { describe, expect, it } from 'vitest';
import { writeAccountFilter } from './write-account-filter.ts';

const NONE = { email: '', plan: '', role: '', state: '' };

describe('writeAccountFilter', () => {
  it('joins a condition for each value of the query', () => {
    const query = { email: '@example.com', plan: 'plans/pro', role: 'user', state: 'disabled' };
    expect(writeAccountFilter(query)).toBe(
      'email : "@example.com" AND plan = "plans/pro" AND role = "user" AND disabled = true',
    );
  });

  it('is empty without values, and for deleted accounts, which the list shows in addition', () => {
    expect(writeAccountFilter({ ...NONE, state: 'deleted' })).toBe('');
  });

  it('keeps quotes within the value', () => {
    expect(writeAccountFilter({ ...NONE, email: 'a" AND role = "admin' })).toBe(
      String.raw`email : "a\" AND role = \"admin"`,
    );
  });
});
