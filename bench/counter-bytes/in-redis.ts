import { Redis } from 'ioredis';
import { startRedis } from '../../provision/redis.ts';
import { formatCounterKey } from '../../src/counters/redis/batch/counter-key.ts';
import { RedisStore } from '../../src/counters/redis/redis-store.ts';
import { buildClockedScripts, silentLogger } from '../../test/counters/contract/clocked-stores.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { type Filling, fill, type Naming } from './fill.ts';

/** Bytes for each counter. */
export interface RedisBytes {
  /** Difference of `used_memory`, key and all. */
  readonly used: number;
  readonly key: number;
  readonly value: number;
}

export const COUNTERS_IN_REDIS = 100_000;
const PREFIX = 'weir';
const CLOCK_KEY = 'clock';

/** On a server of its own. Its scripts take the time from a key, so that a minute need not be waited for. */
export async function bytesInRedis(filling: Filling, naming: Naming): Promise<RedisBytes> {
  const server = await startRedis();
  const client = new Redis(server.url);
  let now = 0;
  const scripts = buildClockedScripts(`'${CLOCK_KEY}'`);
  const options = {
    url: server.url,
    logger: silentLogger,
    keyPrefix: PREFIX,
    deadlineMs: 10_000,
    scripts,
    now: () => now,
  };
  const store = new RedisStore(options);
  try {
    await waitUntil(() => store.ready);
    const subjects = Array.from({ length: COUNTERS_IN_REDIS }, (_, place) => naming.subject(place));
    const keys = subjects.map((subject) => formatCounterKey(PREFIX, subject));
    const before = await usedMemory(client);
    const setClock = async (time: number) => {
      now = time;
      await client.set(CLOCK_KEY, time);
    };
    await fill(store, setClock, subjects, filling, naming.limitName);
    const used = ((await usedMemory(client)) - before) / subjects.length;
    const there = (await client.dbsize()) - 1;
    if (there !== subjects.length) throw new Error(`${there} keys instead of ${subjects.length}`);
    return { used, key: keys.join('').length / keys.length, value: await client.strlen(keys[0] ?? '') };
  } finally {
    await store.close();
    client.disconnect();
    await server.stop();
  }
}

async function usedMemory(client: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
}
