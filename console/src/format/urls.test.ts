import { describe, expect, it } from 'vitest';
import { writeResourceUrl, writeUrl } from './urls.ts';

describe('writeUrl', () => {
  it('leaves out empty values and escapes the others', () => {
    expect(writeUrl('/console/accounts', { email: 'a+b@example.com', plan: '' })).toBe(
      '/console/accounts?email=a%2Bb%40example.com',
    );
    expect(writeUrl('/console/accounts', { plan: '' })).toBe('/console/accounts');
  });
});

describe('writeResourceUrl', () => {
  it('finds the page of an account, a key and a plan', () => {
    expect(['accounts/acme', 'apiKeys/4f1c', 'plans/pro'].map(writeResourceUrl)).toEqual([
      '/console/accounts/acme',
      '/console/keys/4f1c',
      '/console/plans/pro',
    ]);
  });
});
