import { randomUUID } from 'node:crypto';
import { Cluster, Redis } from 'ioredis';
import { useRedis } from '../../../provision/redis.ts';
import { startRedisCluster } from '../../../provision/redis-cluster.ts';
import { MemoryStore } from '../../../src/counters/memory/memory-store.ts';
import { VIRTUAL_TAG_COUNT } from '../../../src/counters/redis/batch/counter-key.ts';
import {
  CHARGE_SCRIPT,
  CORRECT_SCRIPT,
  createScript,
  LATE_SCRIPT,
  REFUND_SCRIPT,
  type Script,
} from '../../../src/counters/redis/lua/scripts.ts';
import { RedisStore, type Scripts } from '../../../src/counters/redis/redis-store.ts';
import { type DecisionResult, StoreUnavailable } from '../../../src/decide/ports.ts';
import { waitUntil } from '../../support/wait-until.ts';
import type { ClockedStore } from './store-harness.ts';

export async function openMemory(): Promise<ClockedStore> {
  let now = 0;
  const store = new MemoryStore({ now: () => now, maxCounters: 1_000_000, source: 'memory' });
  return {
    store,
    setClock: async (time) => {
      now = time;
    },
    close: async () => undefined,
  };
}

/** Opens a store that runs the real scripts on a real server. */
export async function openRedis(): Promise<ClockedStore> {
  const keyPrefix = `test-${randomUUID()}`;
  const server = await useRedis();
  const client = new Redis(server.url);
  const clock = `${keyPrefix}:clock`;
  const options = { url: server.url, keyPrefix, scripts: buildClockedScripts(`'${clock}'`) };
  return openClocked(options, {
    setClock: (time) => client.set(clock, time),
    stop: async () => {
      const keys = await client.keys(`${keyPrefix}:*`);
      if (keys.length > 0) await client.unlink(keys);
      client.disconnect();
      await server.stop();
    },
  });
}

/** Opens a store on a cluster of three masters. Each tag has a clock of its own; all show the same time. */
export async function openRedisCluster(): Promise<ClockedStore> {
  const keyPrefix = `test-${randomUUID()}`;
  const running = await startRedisCluster();
  const { hostname, port } = new URL(running.url);
  const client = new Cluster([{ host: hostname, port: Number(port) }]);
  const scripts = buildClockedScripts(`'${keyPrefix}:clock:{' .. string.match(KEYS[1], '{(%d+)}') .. '}'`);
  const tags = Array.from({ length: VIRTUAL_TAG_COUNT }, (_, tag) => tag);
  return openClocked(
    { url: running.url, keyPrefix, scripts },
    {
      setClock: (time) => Promise.all(tags.map((tag) => client.set(`${keyPrefix}:clock:{${tag}}`, time))),
      stop: async () => {
        client.disconnect();
        await running.stop();
      },
    },
  );
}

/**
 * Builds scripts that read the time from a key, as the clock of Redis cannot be set. Only the line that takes the time
 * for the arithmetic changes: not-after stays on the real clock. `clockKey` is a Lua expression.
 */
export function buildClockedScripts(clockKey: string): Scripts {
  const readKey = ({ text }: Script): Script => {
    const changed = text.replace('local now = clock', `local now = tonumber(redis.call('GET', ${clockKey}))`);
    if (changed === text) throw new Error('script: must have a line "local now = clock"');
    return createScript(changed);
  };
  return {
    charge: readKey(CHARGE_SCRIPT),
    refund: readKey(REFUND_SCRIPT),
    correct: readKey(CORRECT_SCRIPT),
    late: readKey(LATE_SCRIPT),
  };
}

interface ClockedServer {
  setClock(time: number): Promise<unknown>;
  stop(): Promise<void>;
}

async function openClocked(
  options: { readonly url: string; readonly keyPrefix: string; readonly scripts: Scripts },
  server: ClockedServer,
): Promise<ClockedStore> {
  let now = 0;
  const store = new RedisStore({ ...options, logger: silentLogger, deadlineMs: 2000, now: () => now });
  await waitUntil(() => store.ready);
  return {
    store: {
      decide: async (decisions) => (await store.decide(decisions, undefined)).map((result) => setFreeAt(now, result)),
      refund: (receipts) => store.refund(receipts),
      correct: (corrections) => store.correct(corrections),
    },
    setClock: async (time) => {
      if (time === now) return;
      now = time;
      await server.setClock(time);
    },
    close: async () => {
      await store.close();
      await server.stop();
    },
  };
}

/** Moves `freeAt` to the clock of the test. A reply has the real time of the server, which not-after needs. */
function setFreeAt(now: number, result: DecisionResult): DecisionResult {
  if (result instanceof StoreUnavailable) return result;
  const charges = result.charges.map((outcome) => ({ ...outcome, freeAt: now + outcome.resetAfter }));
  return { ...result, charges };
}

export const silentLogger = { info: () => undefined, warn: () => undefined };
