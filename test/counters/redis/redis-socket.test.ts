import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { startRedisProcess } from '../../../provision/redis.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeCharge, makeLimit } from '../model/builders.ts';
import { decideAll, openStore } from './open-test-store.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

it('connects to a Unix socket, and shares the counters of callers over TCP', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-socket-'));
  closing.push(() => rm(folder, { recursive: true }));
  const socket = path.join(folder, 'redis.sock');
  const redis = await startRedisProcess({ extraArguments: ['--unixsocket', socket] });
  closing.push(redis.stop);
  const one = { charges: [makeCharge('key', makeLimit(2, '1h'))] };
  const granted: unknown[] = [];
  for (const url of [`redis+unix://${socket}`, redis.url, `redis+unix://${socket}`]) {
    const { store } = openStore({ url, keyPrefix: 'shared' });
    closing.push(() => store.close());
    await waitUntil(() => store.ready);
    granted.push((await decideAll(store, [one]))[0]?.granted);
  }
  expect(granted).toEqual([true, true, false]);
});
