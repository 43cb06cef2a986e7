import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningRedis, useRedis } from '../../../provision/redis.ts';
import { RedisStore } from '../../../src/counters/redis/redis-store.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { silentLogger } from '../contract/clocked-stores.ts';

let server: RunningRedis;
beforeAll(async () => {
  server = await useRedis();
});
afterAll(() => server.stop());

/** Opens a store whose keys no other test uses. */
async function openStore(): Promise<RedisStore> {
  const keyPrefix = `test-${randomUUID()}`;
  const store = new RedisStore({ url: server.url, logger: silentLogger, keyPrefix, deadlineMs: 2000 });
  await waitUntil(() => store.ready);
  return store;
}

describe('the nodes announced in Redis', () => {
  it('are counted once each, until their announcements expire', async () => {
    const store = await openStore();
    expect(await store.announce('a', 300)).toMatchObject({ nodes: 1 });
    expect(await store.announce('b', 60_000)).toMatchObject({ nodes: 2 });
    expect(await store.announce('b', 60_000)).toMatchObject({ nodes: 2 });
    await sleep(310);
    expect(await store.announce('c', 300)).toMatchObject({ nodes: 2 });
    await store.close();
  });

  it('do not include one that only counts them', async () => {
    const store = await openStore();
    const none = { nodes: 0, announcedUntil: 0, oldestUntil: 0, countedForMicros: 0 };
    expect(await store.announce('admin', 0)).toEqual(none);
    expect(await store.announce('a', 60_000)).toMatchObject({ nodes: 1 });
    expect(await store.announce('b', 60_000)).toMatchObject({ nodes: 2 });
    expect(await store.announce('admin', 0)).toMatchObject({ nodes: 2, announcedUntil: 0 });
    await store.close();
  });

  it('do not include one that has left', async () => {
    const store = await openStore();
    await store.announce('a', 60_000);
    await store.announce('b', 60_000);
    expect(await store.announce('a', 0)).toMatchObject({ nodes: 1 });
    await store.close();
  });

  it('are counted from the first announcement on, and from another first one after a loss of the data', async () => {
    const store = await openStore();
    expect(await store.announce('a', 60_000)).toMatchObject({ countedForMicros: 0 });
    await sleep(20);
    expect((await store.announce('b', 60_000)).countedForMicros).toBeGreaterThanOrEqual(20_000);
    expect((await store.announce('admin', 0)).countedForMicros).toBeGreaterThanOrEqual(20_000);
    const client = new Redis(server.url);
    await client.flushall();
    client.disconnect();
    expect(await store.announce('a', 60_000)).toMatchObject({ nodes: 1, countedForMicros: 0 });
    await store.close();
  });

  it('know which of them was announced the longest time ago', async () => {
    const store = await openStore();
    const first = await store.announce('a', 60_000);
    expect(first.oldestUntil).toBe(first.announcedUntil);
    const second = await store.announce('b', 60_000);
    expect(second.announcedUntil).toBeGreaterThan(first.announcedUntil);
    expect(second.oldestUntil).toBe(first.announcedUntil);
    await store.announce('a', 60_000);
    expect(await store.announce('admin', 0)).toMatchObject({ oldestUntil: second.announcedUntil });
    await store.close();
  });
});
