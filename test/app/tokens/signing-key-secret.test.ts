import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { check, httpStatus } from '../../support/clients/decision-calls.ts';
import { newDatabase } from '../../support/databases.ts';
import { TestNode } from '../../support/node.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-data-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('an unset signing key secret is generated in DATA_DIR and kept there', async () => {
  const environment = { DATABASE_URL: await newDatabase(), DATA_DIR: folder, SIGNING_KEY_SECRET: '' };
  const node = await TestNode.start(environment);
  const { authorization = '' } = await node.signIn();
  await node.stop();
  expect((await stat(path.join(folder, 'signing-key-secret'))).mode & 0o777).toBe(0o600);
  const again = await TestNode.start(environment);
  await expect.poll(async () => httpStatus(await check(again.decision, { authorization }))).toBe(200);
  await again.stop();
});

it('nodes may have different signing key secrets: each signs with its own keys and accepts those of the others', async () => {
  const url = await newDatabase();
  const start = (secret: string) => TestNode.start({ DATABASE_URL: url, SIGNING_KEY_SECRET: secret });
  const one = await start('one secret of at least 32 characters');
  const other = await start('another secret of at least 32 characters');
  // A node that only verifies needs no private key.
  const following = await TestNode.start({
    DATABASE_URL: url,
    DATA_DIR: path.join(folder, 'following'),
    WEIR_ROLE: 'decision',
  });
  try {
    for (const signing of [one, other]) {
      const token = await signing.signIn();
      for (const taking of [one, other, following]) {
        await expect.poll(async () => httpStatus(await check(taking.decision, { ...token }))).toBe(200);
      }
      for (const taking of [one, other])
        await taking.admin.call(PlanServiceService.listPlans, { pageSize: 0, pageToken: '' }, token);
    }
  } finally {
    for (const node of [one, other, following]) await node.stop();
  }
});
