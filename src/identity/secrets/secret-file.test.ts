import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadOrCreateSecret } from './secret-file.ts';

const log = { warn: (_: object, message: string) => expect.fail(message) };
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-secret-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('processes that start together get one secret, in a file that only this user may read', async () => {
  const place = path.join(folder, 'data');
  const made = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateSecret(place, log)));
  expect(new Set(made).size).toBe(1);
  const [secret] = made;
  expect(secret).toMatch(/^[0-9a-f]{64}$/);
  expect(await readdir(place)).toEqual(['signing-key-secret']);
  expect((await stat(path.join(place, 'signing-key-secret'))).mode & 0o777).toBe(0o600);
  expect(await loadOrCreateSecret(place, log)).toBe(secret);
});
