import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { useRedis } from '../../provision/redis.ts';
import { MemoryStore } from '../../src/counters/memory/memory-store.ts';
import { CHARGE_SCRIPT } from '../../src/counters/redis/charge-script.ts';
import { GIVE_BACK_SCRIPT } from '../../src/counters/redis/give-back-script.ts';
import { RedisStore } from '../../src/counters/redis/redis-store.ts';
import { type Script, scriptOf } from '../../src/counters/redis/script.ts';
import { type Outcome, StoreUnavailable } from '../../src/decide/ports.ts';
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
  const clocked = ({ text }: Script): Script => {
    const changed = text.replace('local now = clock', `local now = tonumber(redis.call('GET', '${clockKey}'))`);
    if (changed === text) throw new Error('the script has no line "local now = clock" any more');
    return scriptOf(changed);
  };
  const scripts = { charge: clocked(CHARGE_SCRIPT), giveBack: clocked(GIVE_BACK_SCRIPT) };
  const server = await useRedis();
  const client = new Redis(server.url);
  let now = 0;
  const options = { url: server.url, logger: silent, keyPrefix, deadlineMs: 2000 };
  const store = new RedisStore({ ...options, scripts, now: () => now });
  await becomesTrue(() => store.ready);
  return {
    store: {
      decide: async (decisions) => (await store.decide(decisions)).map((outcome) => onClock(now, outcome)),
      giveBack: (receipts) => store.giveBack(receipts),
    },
    setClock: async (time) => {
      now = time;
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

/** The reply tells the real time, for the sake of not-after; `freeAt` is told by the clock of the test. */
function onClock(now: number, outcome: Outcome | StoreUnavailable): Outcome | StoreUnavailable {
  if (outcome instanceof StoreUnavailable) return outcome;
  const charges = outcome.charges.map((each) => ({ ...each, freeAt: now + each.resetAfter }));
  return { ...outcome, charges };
}

export const silent = { warn: () => undefined };
