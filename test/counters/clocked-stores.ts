import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { useRedis } from '../../provision/redis.ts';
import { MemoryStore } from '../../src/counters/memory/memory-store.ts';
import { CHARGE_SCRIPT } from '../../src/counters/redis/charge-script.ts';
import { RedisStore } from '../../src/counters/redis/redis-store.ts';
import type { ClockedStore } from './counter-store-contract.ts';
import { becomesTrue } from './waiting.ts';

export async function openMemory(): Promise<ClockedStore> {
  let now = 0;
  const store = new MemoryStore({ now: () => now, mostCounters: 1_000_000, source: 'memory' });
  return {
    store,
    setClock: async (time) => {
      now = time;
    },
    close: async () => undefined,
  };
}

/**
 * The real script on a real server. Redis' clock cannot be set, so the one line with which the script takes the time for
 * its arithmetic reads a key instead; not-after stays on the real clock.
 */
export async function openRedis(): Promise<ClockedStore> {
  const keyPrefix = `test-${randomUUID()}`;
  const clockKey = `${keyPrefix}:clock`;
  const script = CHARGE_SCRIPT.replace('local now = clock', `local now = tonumber(redis.call('GET', '${clockKey}'))`);
  if (script === CHARGE_SCRIPT) throw new Error('the script has no line "local now = clock" any more');
  const server = await useRedis();
  const client = new Redis(server.url);
  const store = new RedisStore({ url: server.url, logger: silent, keyPrefix, script, deadlineMs: 2000 });
  await becomesTrue(() => store.ready);
  return {
    store,
    setClock: async (time) => {
      await client.set(clockKey, time);
    },
    close: async () => {
      await store.close();
      const keys = await client.keys(`${keyPrefix}:*`);
      if (keys.length > 0) await client.unlink(keys);
      client.disconnect();
      await server.stop();
    },
  };
}

export const silent = { warn: () => undefined };
