import { Redis } from 'ioredis';
import { startRedis } from '../../provision/redis.ts';
import { formatCounterKey } from '../../src/counters/redis/batch/counter-key.ts';
import { RedisStore } from '../../src/counters/redis/redis-store.ts';
import { buildClockedScripts, silentLogger } from '../../test/counters/contract/clocked-stores.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { type Filling, fillCounters, type Naming } from './fill-counters.ts';

/** Bytes per counter. */
export interface RedisBytes {
  /** Growth of `used_memory`, keys included. */
  readonly used: number;
  readonly key: number;
  readonly value: number;
}

export const COUNTERS_IN_REDIS = 100_000;
const PREFIX = 'weir';
const CLOCK_KEY = 'clock';
const DEADLINE_MS = 10_000;

/**
 * Measures on a Redis server of its own. The scripts read the time from a key, so nothing waits for a minute to pass.
 */
export async function measureInRedis(filling: Filling, naming: Naming): Promise<RedisBytes> {
  const server = await startRedis();
  const client = new Redis(server.url);
  let now = 0;
  const store = new RedisStore({
    url: server.url,
    logger: silentLogger,
    keyPrefix: PREFIX,
    deadlineMs: DEADLINE_MS,
    scripts: buildClockedScripts(`'${CLOCK_KEY}'`),
    now: () => now,
  });
  try {
    await waitUntil(() => store.ready);
    const subjects = Array.from({ length: COUNTERS_IN_REDIS }, (_, index) => naming.createSubject(index));
    const keys = subjects.map((subject) => formatCounterKey(PREFIX, subject));
    const before = await readUsedMemory(client);
    const setClock = async (time: number) => {
      now = time;
      await client.set(CLOCK_KEY, time);
    };
    await fillCounters(store, setClock, subjects, filling, naming.limitName);
    const used = ((await readUsedMemory(client)) - before) / subjects.length;
    const counters = (await client.dbsize()) - 1; // without the clock
    if (counters !== subjects.length) throw new Error(`counters: must be ${subjects.length} (got ${counters})`);
    return { used, key: keys.join('').length / keys.length, value: await client.strlen(keys[0] ?? '') };
  } finally {
    await store.close();
    client.disconnect();
    await server.stop();
  }
}

async function readUsedMemory(client: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
}
