import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
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

describe('the nodes announced in Redis', () => {
  it('are counted once each, until their announcements expire', async () => {
    const store = new RedisStore({
      url: server.url,
      logger: silentLogger,
      keyPrefix: `test-${randomUUID()}`,
      deadlineMs: 2000,
    });
    await waitUntil(() => store.ready);
    expect(await store.announce('a', 300)).toBe(1);
    expect(await store.announce('b', 60_000)).toBe(2);
    expect(await store.announce('b', 60_000)).toBe(2);
    await sleep(310);
    expect(await store.announce('c', 300)).toBe(2);
    await store.close();
  });
});
