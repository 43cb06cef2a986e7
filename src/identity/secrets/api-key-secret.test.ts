import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isApiKey } from '../../domain/credentials/api-key.ts';
import { createApiKeyDigester, generateApiKey, generateCounterId } from './api-key-secret.ts';

describe('a generated API key', () => {
  it('is well-formed and unique', () => {
    const keys = Array.from({ length: 1_000 }, generateApiKey);
    expect(keys.every(isApiKey)).toBe(true);
    expect(new Set(keys).size).toBe(1_000);
  });
});

describe('the digest of an API key', () => {
  it('is SHA-256 over the pepper and the whole key, in hex', () => {
    const key = generateApiKey();
    const expected = createHash('sha256').update('pepper').update(key).digest('hex');
    expect(createApiKeyDigester('pepper')(key)).toBe(expected);
    expect(createApiKeyDigester('')(key)).not.toBe(expected);
  });
});

describe('a generated counter id', () => {
  it('has 14 characters of base64url and is unique', () => {
    const ids = Array.from({ length: 1_000 }, generateCounterId);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{14}$/);
    expect(new Set(ids).size).toBe(1_000);
  });
});
