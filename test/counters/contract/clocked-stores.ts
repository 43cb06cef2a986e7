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
  REFUND_SCRIPT,
  type Script,
} from '../../../src/counters/redis/lua/scripts.ts';
import { RedisStore, type Scripts } from '../../../src/counters/redis/redis-store.ts';
import { type Outcome, StoreUnavailable } from '../../../src/decide/ports.ts';
import { becomesTrue } from '../redis/waiting.ts';
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

/** The real scripts on a real server. */
export async function openRedis(): Promise<ClockedStore> {
  const keyPrefix = `test-${randomUUID()}`;
  const server = await useRedis();
  const client = new Redis(server.url);
  const clock = `${keyPrefix}:clock`;
  const options = { url: server.url, keyPrefix, scripts: clockedScripts(`'${clock}'`) };
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

/** The same on a cluster of three masters, where each tag has a clock of its own; all show the same time. */
export async function openRedisCluster(): Promise<ClockedStore> {
  const keyPrefix = `test-${randomUUID()}`;
  const running = await startRedisCluster();
  const { hostname, port } = new URL(running.url);
  const client = new Cluster([{ host: hostname, port: Number(port) }]);
  const scripts = clockedScripts(`'${keyPrefix}:clock:{' .. string.match(KEYS[1], '{(%d+)}') .. '}'`);
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
 * Redis' clock cannot be set, so the one line with which a script takes the time for its arithmetic reads a key instead;
 * not-after stays on the real clock.
 */
export function clockedScripts(clockKey: string): Scripts {
  const clocked = ({ text }: Script): Script => {
    const changed = text.replace('local now = clock', `local now = tonumber(redis.call('GET', ${clockKey}))`);
    if (changed === text) throw new Error('the script has no line "local now = clock" any more');
    return createScript(changed);
  };
  return { charge: clocked(CHARGE_SCRIPT), refund: clocked(REFUND_SCRIPT), correct: clocked(CORRECT_SCRIPT) };
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
  const store = new RedisStore({ ...options, logger: silent, deadlineMs: 2000, now: () => now });
  await becomesTrue(() => store.ready);
  return {
    store: {
      decide: async (decisions) => (await store.decide(decisions)).map((outcome) => onClock(now, outcome)),
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

/** The reply tells the real time, for the sake of not-after; `freeAt` is told by the clock of the test. */
function onClock(now: number, outcome: Outcome | StoreUnavailable): Outcome | StoreUnavailable {
  if (outcome instanceof StoreUnavailable) return outcome;
  const charges = outcome.charges.map((each) => ({ ...each, freeAt: now + each.resetAfter }));
  return { ...outcome, charges };
}

export const silent = { warn: () => undefined };
