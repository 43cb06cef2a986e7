import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { usePostgres } from '../../provision/postgres.ts';
import { InvalidConfig } from '../../src/config.ts';
import { TestNode } from '../support/node.ts';

const databaseUrl = usePostgres();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-data-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('is made up in DATA_DIR where it is not set, and a node with another one does not start', async () => {
  const environment = { DATABASE_URL: await databaseUrl(), DATA_DIR: folder, SIGNING_KEY_SECRET: '' };
  await (await TestNode.start(environment)).stop();
  expect((await stat(path.join(folder, 'signing-key-secret'))).mode & 0o777).toBe(0o600);
  const again = await TestNode.start(environment);
  await again.signIn();
  await again.stop();

  const other = { ...environment, SIGNING_KEY_SECRET: 'another secret of at least 32 characters' };
  const refusal = await TestNode.start(other).then(
    () => expect.fail('it started'),
    (error: Error) => error,
  );
  expect(refusal).toBeInstanceOf(InvalidConfig);
  expect(refusal.message).toMatch(/^SIGNING_KEY_SECRET: the signing key [0-9a-f-]{36} cannot be opened/);

  // Who only verifies needs no private key.
  const following = await TestNode.start({ ...environment, DATA_DIR: 'nowhere', WEIR_ROLE: 'decision' });
  await following.stop();
});
