import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadOrCreateSecret } from './secret-file.ts';

const log = { warn: (_: object, message: string) => expect.fail(message) };
let temporaryFolder: string;
beforeAll(async () => {
  temporaryFolder = await mkdtemp(path.join(tmpdir(), 'weir-secret-'));
});
afterAll(() => rm(temporaryFolder, { recursive: true, force: true }));

describe('the secret file', () => {
  it('gives one secret to processes that start together, and only the current user can read it', async () => {
    const folder = path.join(temporaryFolder, 'data');
    const secrets = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateSecret(folder, log)));
    expect(new Set(secrets).size).toBe(1);
    const [secret] = secrets;
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(await readdir(folder)).toEqual(['signing-key-secret']);
    expect((await stat(path.join(folder, 'signing-key-secret'))).mode & 0o777).toBe(0o600);
    expect(await loadOrCreateSecret(folder, log)).toBe(secret);
  });
});
