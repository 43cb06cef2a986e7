import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startRedis } from '../../../provision/redis.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { openStore } from './open-test-store.ts';

let redis: Awaited<ReturnType<typeof startRedis>>;
let client: Redis;
beforeAll(async () => {
  redis = await startRedis();
  client = new Redis(redis.url);
  await client.call('ACL', 'SETUSER', 'weir', 'on', 'nopass', '~weir:*', '+@all', '-config');
  await client.call('ACL', 'SETUSER', 'mute', 'on', 'nopass', '~weir:*', '+@all', '-config', '-info');
});
afterAll(async () => {
  client.disconnect();
  await redis.stop();
});
beforeEach(async () => {
  await client.config('SET', 'save', '');
  await client.config('SET', 'appendonly', 'no');
});

/** Returns what a store that connects as this user reports, and its log. */
async function readReport(user = '') {
  const reports: (readonly [server: string, isPersistent: boolean])[] = [];
  const { store, log } = openStore({
    url: `redis://${user === '' ? '' : `${user}:x@`}127.0.0.1:${redis.port}`,
    onPersistence: (...report) => void reports.push(report),
  });
  await waitUntil(() => reports.length > 0);
  await store.close();
  return { reports, log };
}

it('is reported as missing where a server has neither snapshots nor an append-only file', async () => {
  expect((await readReport()).reports).toEqual([[`127.0.0.1:${redis.port}`, false]]);
});

it.each([
  ['save', '3600 1'],
  ['appendonly', 'yes'],
])('is reported where %s is %s', async (name, value) => {
  await client.config('SET', name, value);
  expect((await readReport()).reports).toEqual([[`127.0.0.1:${redis.port}`, true]]);
});

it('is read from INFO by a user without permission for CONFIG, without a line in the log', async () => {
  const before = await readReport('weir');
  expect(before).toMatchObject({ reports: [[expect.anything(), false]], log: [] });
  await client.config('SET', 'appendonly', 'yes');
  expect((await readReport('weir')).reports).toMatchObject([[expect.anything(), true]]);
});

it('is taken for granted where the user may ask neither', async () => {
  expect((await readReport('mute')).reports).toMatchObject([[expect.anything(), true]]);
});
