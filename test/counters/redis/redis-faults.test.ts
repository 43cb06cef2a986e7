import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { type RunningRedis, startRedis } from '../../../provision/redis.ts';
import { RedisStore, type RedisStoreOptions } from '../../../src/counters/redis/redis-store.ts';
import { freePort } from '../../../provision/free-port.ts';
import { StoreUnavailable } from '../../../src/decide/ports.ts';
import { makeCharge, makeLimit } from '../model/traces.ts';
import { decided } from './opened-stores.ts';
import { becomesTrue } from './waiting.ts';

const one = { charges: [makeCharge('key', makeLimit(1000, '1h'))] };
const look = { charges: [makeCharge('key', makeLimit(1000, '1h'), 0)] };
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
): Promise<{ store: RedisStore; log: string[] }> {
  const log: string[] = [];
  const warn = (fields: object, message: string) => void log.push(`${message} ${JSON.stringify(fields)}`);
  const store = new RedisStore({ deadlineMs: 500, logger: { warn }, ...options });
  closing.push(() => store.close());
  return { store, log };
}

async function openReady(url: string, deadlineMs = 500): Promise<RedisStore> {
  const { store } = await open({ url, deadlineMs });
  await becomesTrue(() => store.ready);
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

async function used(store: RedisStore): Promise<number> {
  const [outcome] = await decided(store, [look]);
  return 1000 - (outcome?.charges[0]?.remaining ?? Number.NaN);
}

function signal({ pid }: RunningRedis, name: 'SIGSTOP' | 'SIGCONT'): void {
  if (pid === undefined) throw new Error('this test needs redis-server or valkey-server on the PATH');
  process.kill(pid, name);
}

describe('counters in Redis, when Redis fails', () => {
  it('refuses at once and is not ready while there is no server, and connects by itself once there is', async () => {
    const port = await freePort();
    const { store, log } = await open({ url: `redis://:${PASSWORD}@127.0.0.1:${port}` });
    await expect(decided(store, [one])).rejects.toThrow(StoreUnavailable);
    await becomesTrue(() => log.length > 0);
    expect(log[0]).toContain('ECONNREFUSED');
    const redis = await startRedis({ port, options: ['--requirepass', PASSWORD] });
    closing.push(redis.stop);
    await becomesTrue(() => store.ready);
    expect((await decided(store, [one]))[0]?.granted).toBe(true);
    expect(log.join()).not.toContain(PASSWORD);
  });

  it('goes on after the server was killed and came back, and answers every call between', async () => {
    const first = await start();
    const store = await openReady(first.url);
    const answers: string[] = [];
    let isOver = false;
    const load = (async () => {
      while (!isOver) {
        await decided(store, [one]).then(
          () => answers.push('decided'),
          (error: Error) => answers.push(error.name),
        );
        await sleep(1);
      }
    })();
    await sleep(50);
    await first.stop();
    await becomesTrue(() => !store.ready && answers.at(-1) === 'StoreUnavailable');
    await start(first.port);
    await becomesTrue(() => store.ready && answers.at(-1) === 'decided');
    isOver = true;
    await load;
    expect(new Set(answers)).toEqual(new Set(['decided', 'StoreUnavailable']));
  });

  it('gives up at the deadline while the server is stopped, and nothing of that is executed later', async () => {
    const redis = await start();
    const store = await openReady(redis.url, 50);
    await decided(store, [one]);
    signal(redis, 'SIGSTOP');
    const lost = Array.from({ length: 5 }, () => decided(store, [one]));
    expect((await Promise.allSettled(lost)).map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
    await sleep(1000);
    signal(redis, 'SIGCONT');
    await becomesTrue(() =>
      used(store)
        .then(() => true)
        .catch(() => false),
    );
    expect(await used(store)).toBe(1);
  });

  it('refuses at once what would pile up before a server that does not answer', async () => {
    const redis = await start();
    const store = await openReady(redis.url, 50);
    signal(redis, 'SIGSTOP');
    const piled = Array.from({ length: 300 }, () => decided(store, [one]).catch((error: Error) => error.message));
    const messages = await Promise.all(piled);
    signal(redis, 'SIGCONT');
    expect(messages.filter((message) => message === 'Redis does not answer')).toHaveLength(44);
  });

  it('takes a reply that was there when this process came to look, however late that is', async () => {
    const redis = await start();
    const store = await openReady(redis.url, 100);
    // From an immediate, so that timers are the next thing the event loop looks at.
    await new Promise((resolve) => setImmediate(resolve));
    const pending = decided(store, [one]);
    const busyUntil = performance.now() + 200;
    while (performance.now() < busyUntil);
    expect((await pending)[0]?.granted).toBe(true);
  });

  it('loads its script again after SCRIPT FLUSH, and charges once', async () => {
    const redis = await start();
    const store = await openReady(redis.url);
    await withClient(redis.url, (client) => client.script('FLUSH'));
    await Promise.all([decided(store, [one]), decided(store, [one])]);
    expect(await used(store)).toBe(2);
  });

  it('connects anew to a server that has become a replica: its address may lead to another one', async () => {
    const redis = await start();
    const store = await openReady(redis.url);
    const connection = () =>
      withClient(redis.url, async (client) => /id=(\d+) .*name=weir /.exec(String(await client.client('LIST')))?.[1]);
    const before = await connection();
    await withClient(redis.url, (client) => client.replicaof('127.0.0.1', 1));
    await expect(decided(store, [one])).rejects.toThrow(/^Redis failed: READONLY/);
    await becomesTrue(async () => ![undefined, before].includes(await connection()));
    await withClient(redis.url, (client) => client.replicaof('NO', 'ONE'));
    await becomesTrue(() => store.ready);
    expect(await used(store)).toBe(0);
  });

  it.each(['', 'x', 'somebody else’s value', '\u0005'.repeat(99)])(
    'takes a value that is none of its own for none, without harm to others of the batch: %j',
    async (value) => {
      const redis = await start();
      const store = await openReady(redis.url);
      const other = { charges: [makeCharge('other', makeLimit(1000, '1h'))] };
      await decided(store, [one, other]);
      await withClient(redis.url, async (client) => {
        for (const key of await client.keys('weir:1:*:key')) await client.set(key, value);
      });
      const outcomes = await decided(store, [one, other]);
      expect(outcomes.map(({ charges }) => charges[0]?.remaining)).toEqual([999, 998]);
    },
  );

  it('charges nothing and says so when memory is full', async () => {
    const redis = await start();
    const store = await openReady(redis.url);
    await decided(store, [one]);
    await withClient(redis.url, (client) => client.config('SET', 'maxmemory', '1'));
    await expect(decided(store, [one])).rejects.toThrow(/^Redis failed: .*OOM/);
    await withClient(redis.url, (client) => client.config('SET', 'maxmemory', '0'));
    expect(await used(store)).toBe(1);
  });
});

describe('counters in Redis', () => {
  it('warns of a server that evicts live counters', async () => {
    const redis = await start();
    await withClient(redis.url, (client) => client.config('SET', 'maxmemory-policy', 'allkeys-lru'));
    const { log } = await open({ url: redis.url });
    await becomesTrue(() => log.length > 0);
    expect(log).toEqual([expect.stringMatching(/may evict live counters.*allkeys-lru/)]);
  });

  it('is not ready for a user who may not count, and is as soon as that is allowed', async () => {
    const redis = await start();
    const change = (rule: string) => withClient(redis.url, (client) => client.call('ACL', 'SETUSER', 'default', rule));
    await change('-time');
    const { store, log } = await open({ url: redis.url });
    await becomesTrue(() => log.length > 0);
    expect(log[0]).toMatch(/not usable.*NOPERM/);
    expect(store.ready).toBe(false);
    await change('+time');
    await becomesTrue(() => store.ready);
  });

  it('gives every key a time to live of at least the window and a sub-bucket', async () => {
    const redis = await start();
    const store = await openReady(redis.url);
    await decided(store, [one]);
    const [ttl = 0] = await withClient(redis.url, async (client) => {
      const keys = await client.keys('*');
      return Promise.all(keys.map((key) => client.pttl(key)));
    });
    expect(ttl).toBeGreaterThan(3600 * 1000);
    expect(ttl).toBeLessThan(2 * 3600 * 1000);
  });

  it('writes nothing for looks and refusals', async () => {
    const redis = await start();
    const store = await openReady(redis.url);
    await decided(store, [look, { charges: [makeCharge('key', makeLimit(1, '1h'), 2)] }]);
    expect(await withClient(redis.url, (client) => client.dbsize())).toBe(0);
  });

  it('is not ready and refuses once closed', async () => {
    const redis = await start();
    const store = await openReady(redis.url);
    const last = decided(store, [one]);
    await store.close();
    expect((await last)[0]?.granted).toBe(true);
    expect(store.ready).toBe(false);
    await expect(decided(store, [one])).rejects.toThrow(StoreUnavailable);
  });
});
