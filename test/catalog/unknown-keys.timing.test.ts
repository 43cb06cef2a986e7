import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ReadModel } from '../../src/catalog/model/read-model.ts';
import { isApiKey } from '../../src/domain/credentials/api-key.ts';
import { createApiKeyDigester, generateApiKey } from '../../src/identity/secrets/api-key-secret.ts';

const TEXTS = 500;
const log = { info: () => {}, warn: () => {}, error: () => {} };

function openModelWithImportedKey(): ReadModel {
  const model = new ReadModel(createApiKeyDigester('the pepper of the tests'), log);
  const key = { digest: 'ab'.repeat(32), counterId: 'c', accountId: 'a', planId: null, disabled: false };
  model.apply({ entity: 'api_key', id: 'key', record: { ...key, imported: true, policy: null, expiresAt: null } });
  return model;
}

describe('a text that is not a key', () => {
  it('costs about as much while there are imported keys as an unknown key of Weir’s own format, or less', () => {
    const model = openModelWithImportedKey();
    const find = (text: string) => (isApiKey(text) ? model.keyBySecret(text) : model.importedKeyBySecret(text));
    const megabyte = 'x'.repeat(1_000_000);
    const kinds = [
      Array.from({ length: TEXTS }, generateApiKey),
      Array.from({ length: TEXTS }, () => randomBytes(24).toString('base64url')),
      Array.from({ length: TEXTS }, () => randomBytes(128).toString('hex')),
      Array.from({ length: TEXTS }, () => megabyte),
    ];
    const shortestMs = kinds.map(() => Infinity);
    // The shortest of many rounds excludes the machine's other work.
    for (let round = 0; round < 200; round++) {
      for (const [index, texts] of kinds.entries()) {
        const start = performance.now();
        for (const text of texts) if (find(text) !== undefined) expect.fail(`found ${text}`);
        shortestMs[index] = Math.min(shortestMs[index] ?? Infinity, performance.now() - start);
      }
    }
    const [own = 0, short = 0, long = 0, huge = 0] = shortestMs;
    // Two digests, but no checksum.
    expect(short / own).toBeLessThan(2);
    expect(long / own).toBeLessThan(2);
    expect(huge / own).toBeLessThan(0.5);
  });
});
