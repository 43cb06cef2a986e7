import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { isApiKey } from '../../domain/credentials/api-key.ts';
import { newRefreshToken, nextRefreshToken, parseRefreshToken } from '../issue-tokens/refresh-token.ts';
import { apiKeyDigest, makeApiKey } from './api-key-secret.ts';

test('API keys that are made are well-formed and differ', () => {
  const made = Array.from({ length: 1_000 }, makeApiKey);
  expect(made.every(isApiKey)).toBe(true);
  expect(new Set(made).size).toBe(1_000);
});

test('the digest of an API key is SHA-256 over the pepper and the whole key, in hex', () => {
  const key = makeApiKey();
  const expected = createHash('sha256').update('pepper').update(key).digest('hex');
  expect(apiKeyDigest('pepper')(key)).toBe(expected);
  expect(apiKeyDigest('')(key)).not.toBe(expected);
});

test('the next refresh token is another one of the same family', () => {
  const first = newRefreshToken();
  const next = nextRefreshToken(first);
  expect(next.familyDigest).toEqual(first.familyDigest);
  expect(next.tokenDigest).not.toEqual(first.tokenDigest);
  expect(newRefreshToken().familyDigest).not.toEqual(first.familyDigest);
});

test('a refresh token is read back as it was made', () => {
  const token = newRefreshToken();
  expect(parseRefreshToken(token.text)).toEqual(token);
});

test.each(['', 'wr_', 'wk_live_x', `wr_${'a'.repeat(32)}`, `wr_${'a'.repeat(32)}.${'b'.repeat(33)}`])(
  '%j has not the form of a refresh token',
  (text) => {
    expect(parseRefreshToken(text)).toBeUndefined();
  },
);
