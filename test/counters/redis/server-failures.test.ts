import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { findFreePort } from '../../../provision/free-port.ts';
import { type RunningRedis, startRedis } from '../../../provision/redis.ts';
import { isHistoryKey } from '../../../src/counters/redis/batch/counter-key.ts';
import { RedisStore, type RedisStoreOptions } from '../../../src/counters/redis/redis-store.ts';
import { StoreUnavailable } from '../../../src/decide/ports.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeCharge, makeLimit } from '../model/builders.ts';
import { decideAll } from './open-test-store.ts';

const one = { charges: [makeCharge('key', makeLimit(1000, '1h'))] };
const peek = { charges: [makeCharge('key', makeLimit(1000, '1h'), 0)] };
const PASSWORD = 'correct-horse';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(port?: number): Promise<RunningRedis> {
  const redis = await startRedis(port === undefined ? {} : { port });
  closing.push(redis.stop);
  return redis;
}

async function open(
  options: Partial<RedisStoreOptions> & { url: string },
): Promise<{ store: RedisStore; log: string[]; events: string[] }> {
  const log: string[] = [];
  const events: string[] = [];
  const warn = (fields: object, message: string) => void log.push(`${message} ${JSON.stringify(fields)}`);
  const info = (_: object, message: string) => void events.push(message);
  const store = new RedisStore({ deadlineMs: 500, logger: { info, warn }, ...options });
  closing.push(() => store.close());
  return { store, log, events };
}

async function openReady(url: string, deadlineMs = 500): Promise<RedisStore> {
  const { store } = await open({ url, deadlineMs });
  await waitUntil(() => store.ready);
  return store;
}

async function withClient<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url);
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}

async function countUsed(store: RedisStore): Promise<number> {
  const [outcome] = await decideAll(store, [peek]);
  return 1000 - (outcome?.charges[0]?.remaining ?? Number.NaN);
}

function signal({ pid }: RunningRedis, name: 'SIGSTOP' | 'SIGCONT'): void {
  if (pid === undefined) throw new Error('this test needs redis-server or valkey-server on the PATH');
  process.kill(pid, name);
}

describe('the Redis store, when its server fails', () => {
  it('fails at once and is not ready while there is no server, and connects by itself once there is one', async () => {
    const port = await findFreePort();
    const { store, log } = await open({ url: `redis://:${PASSWORD}@127.0.0.1:${port}` });
    await expect(decideAll(store, [one])).rejects.toThrow(StoreUnavailable);
    await waitUntil(() => log.length > 0);
    expect(log[0]).toContain('ECONNREFUSED');
    const redis = await startRedis({ port, extraArguments: ['--requirepass', PASSWORD] });
    closing.push(redis.stop);
    await waitUntil(() => store.ready);
    expect((await decideAll(store, [one]))[0]?.granted).toBe(true);
    expect(log.join()).not.toContain(PASSWORD);
  });

  it('logs that the server is there, and that it is back', async () => {
    const first = await start();
    const { store, log, events } = await open({ url: first.url });
    await waitUntil(() => events.length === 1);
    await first.stop();
    await waitUntil(() => log.length > 0);
    await start(first.port);
    await waitUntil(() => store.ready && events.length === 2);
    expect(events).toEqual(['counters: connected to Redis', 'counters: Redis is reachable again']);
  });

  it('continues after the server was killed and came back, and answers every call in between', async () => {
    const first = await start();
    const store = await openReady(first.url);
    const answers: string[] = [];
    let isOver = false;
    const load = (async () => {
      while (!isOver) {
        await decideAll(store, [one]).then(
          () => answers.push('decided'),
          (error: Error) => answers.push(error.name),
        );
        await sleep(1);
      }
    })();
    await sleep(50);
    await first.stop();
    await waitUntil(() => !store.ready && answers.at(-1) === 'StoreUnavailable');
    await start(first.port);
    await waitUntil(() => store.ready && answers.at(-1) === 'decided');
    isOver = true;
    await load;
    expect(new Set(answers)).toEqual(new Set(['decided', 'StoreUnavailable']));
  });

  it('gives up at the deadline while the server is stopped, and charges nothing of that later', async () => {
    const redis = await start();
    const store = await openReady(redis.url, 50);
    await decideAll(store, [one]);
    signal(redis, 'SIGSTOP');
    const lost = Array.from({ length: 5 }, () => decideAll(store, [one]));
    expect((await Promise.allSettled(lost)).map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
    await sleep(1000);
    signal(redis, 'SIGCONT');
    await waitUntil(() =>
      countUsed(store)
        .then(() => true)
        .catch(() => false),
    );
    expect(await countUsed(store)).toBe(1);
  });

  it('fails calls at once that would pile up in front of a server that does not answer', async () => {
    const redis = await start();
    const store = await openReady(redis.url, 50);
    await decideAll(store, [peek]); // nothing is unanswered any more
    signal(redis, 'SIGSTOP');
    const piled = Array.from({ length: 300 }, () => decideAll(store, [one]).catch((error: Error) => error.message));
    const messages = await Promise.all(piled);
    signal(redis, 'SIGCONT');
    expect(messages.filter((message) => message === 'Redis does not answer')).toHaveLength(44);
  });

  it('accepts a reply that arrived in time, however late this process reads it', async () => {
    const redis = await start();
    const store = await openReady(redis.url, 100);
    // From an immediate, so that the event loop runs timers next.
    await new Promise((resolve) => setImmediate(resolve));
    const pending = decideAll(store, [one]);
    const busyUntil = performance.now() + 200;
    while (performance.now() < busyUntil);
    expect((await pending)[0]?.granted).toBe(true);
  });

  it('loads its script again after SCRIPT FLUSH, and charges once', async () => {
    const redis = await start();
    const store = await openReady(redis.url);
    await withClient(redis.url, (client) => client.script('FLUSH'));
    await Promise.all([decideAll(store, [one]), decideAll(store, [one])]);
    expect(await countUsed(store)).toBe(2);
  });

  it('reconnects when the server has become a replica, as its address may lead to another server', async () => {
    const redis = await start();
    const store = await openReady(redis.url);
    const connection = () =>
      withClient(redis.url, async (client) => /id=(\d+) .*name=weir /.exec(String(await client.client('LIST')))?.[1]);
    const before = await connection();
    await withClient(redis.url, (client) => client.replicaof('127.0.0.1', 1));
    await expect(decideAll(store, [one])).rejects.toThrow(/^Redis failed: READONLY/);
    await waitUntil(async () => ![undefined, before].includes(await connection()));
    await withClient(redis.url, (client) => client.replicaof('NO', 'ONE'));
    await waitUntil(() =>
      countUsed(store)
        .then(() => true)
        .catch(() => false),
    );
    expect(await countUsed(store)).toBe(0);
  });

  it.each(['', 'x', 'somebody else’s value', '\u0005'.repeat(99)])(
    'treats the foreign value %j as an empty one, without harm to the rest of the batch',
    async (value) => {
      const redis = await start();
      const store = await openReady(redis.url);
      const other = { charges: [makeCharge('other', makeLimit(1000, '1h'))] };
      await decideAll(store, [one, other]);
      await withClient(redis.url, async (client) => {
        for (const key of await client.keys('weir:1:*:key')) await client.set(key, value);
      });
      const outcomes = await decideAll(store, [one, other]);
      expect(outcomes.map(({ charges }) => charges[0]?.remaining)).toEqual([999, 998]);
    },
  );

  it('charges nothing and reports it when the memory of the server is full', async () => {
    const redis = await start();
    const store = await openReady(redis.url);
    await decideAll(store, [one]);
    await withClient(redis.url, (client) => client.config('SET', 'maxmemory', '1'));
    await expect(decideAll(store, [one])).rejects.toThrow(/^Redis failed: .*OOM/);
    await withClient(redis.url, (client) => client.config('SET', 'maxmemory', '0'));
    expect(await countUsed(store)).toBe(1);
  });
});

describe('the Redis store', () => {
  it('warns about a server that evicts live counters', async () => {
    const redis = await start();
    await withClient(redis.url, (client) => client.config('SET', 'maxmemory-policy', 'allkeys-lru'));
    const { log } = await open({ url: redis.url });
    await waitUntil(() => log.length > 0);
    expect(log).toEqual([expect.stringMatching(/may evict live counters.*allkeys-lru/)]);
  });

  it('is not ready while its user lacks a permission, and becomes ready once it is granted', async () => {
    const redis = await start();
    const change = (rule: string) => withClient(redis.url, (client) => client.call('ACL', 'SETUSER', 'default', rule));
    await change('-time');
    const { store, log } = await open({ url: redis.url });
    await waitUntil(() => log.length > 0);
    expect(log[0]).toMatch(/not usable.*NOPERM/);
    expect(store.ready).toBe(false);
    await change('+time');
    await waitUntil(() => store.ready);
  });

  it('sets a time to live of at least the window and a sub-bucket on every counter', async () => {
    const redis = await start();
    const store = await openReady(redis.url);
    await decideAll(store, [one]);
    const [ttl = 0] = await withClient(redis.url, async (client) => {
      const keys = await client.keys('*');
      return Promise.all(keys.filter((key) => !isHistoryKey('weir', key)).map((key) => client.pttl(key)));
    });
    expect(ttl).toBeGreaterThan(3600 * 1000);
    expect(ttl).toBeLessThan(2 * 3600 * 1000);
  });

  it('writes nothing for peeks and rejections', async () => {
    const redis = await start();
    const store = await openReady(redis.url);
    await decideAll(store, [peek, { charges: [makeCharge('key', makeLimit(1, '1h'), 2)] }]);
    const keys = await withClient(redis.url, (client) => client.keys('*'));
    expect(keys.filter((key) => !isHistoryKey('weir', key))).toEqual([]);
  });

  it('is not ready and fails calls once it is closed', async () => {
    const redis = await start();
    const store = await openReady(redis.url);
    const last = decideAll(store, [one]);
    await store.close();
    expect((await last)[0]?.granted).toBe(true);
    expect(store.ready).toBe(false);
    await expect(decideAll(store, [one])).rejects.toThrow(StoreUnavailable);
  });
});
