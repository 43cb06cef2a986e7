import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type RunningRedis, startRedisProcess } from '../../../provision/redis.ts';
import { WINDOW_MS } from '../probes.ts';
import type { Disruption, RedisSetup, RunningServers, Scenario } from './scenario.ts';

const OUTAGE_MS = 2000;
const STALL_MS = 5000;
const FLUSH_COUNT = 3;
const MEGABYTE = 2 ** 20;

/** A Redis server and a client of it. A scenario may replace its process, on the same port. */
export class SingleServer implements RunningServers {
  redis: RunningRedis;
  readonly client: Redis;
  readonly url: string;

  constructor(redis: RunningRedis) {
    this.redis = redis;
    this.url = redis.url;
    this.client = new Redis(redis.url);
    this.client.on('error', () => undefined); // expected while the server is down
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.redis.pid === undefined) throw new Error('redis.pid: must be known');
    process.kill(this.redis.pid, name);
  }

  /** Writes values of 1 MB. Rejects at the first one that Redis rejects. */
  async fill(megabytes: number): Promise<void> {
    for (let number = 0; number < megabytes; number++) {
      await this.client.set(`filler-${number}`, Buffer.alloc(MEGABYTE));
    }
  }

  async stop(): Promise<void> {
    this.client.disconnect();
    await this.redis.stop();
  }
}

/** Disrupts nothing, to show how much the machine itself delays calls. */
async function doNothing(): Promise<Disruption> {
  const now = performance.now();
  return { startedAt: now, endedAt: now };
}

async function killAndRestart(server: SingleServer): Promise<Disruption> {
  const startedAt = performance.now();
  await server.redis.stop();
  await sleep(OUTAGE_MS);
  const countersLostAt = performance.now();
  server.redis = await startRedisProcess({ port: server.redis.port });
  return { startedAt, endedAt: performance.now(), countersLostAt };
}

async function stallProcess(server: SingleServer): Promise<Disruption> {
  server.signal('SIGSTOP');
  const startedAt = performance.now();
  await sleep(STALL_MS);
  const endedAt = performance.now();
  server.signal('SIGCONT');
  return { startedAt, endedAt };
}

async function flushScripts({ client }: SingleServer): Promise<Disruption> {
  const startedAt = performance.now();
  await client.script('FLUSH');
  return { startedAt, endedAt: performance.now() };
}

/**
 * Flushes several times, further apart than the window of the limits: how much is granted again depends on how much was
 * used at the moment of the flush.
 */
async function flushAll({ client }: SingleServer): Promise<Disruption> {
  const startedAt = performance.now();
  for (let flush = 1; flush < FLUSH_COUNT; flush++) {
    await client.flushall();
    await sleep(1.3 * WINDOW_MS);
  }
  const countersLostAt = performance.now();
  await client.flushall();
  return { startedAt, endedAt: performance.now(), countersLostAt };
}

async function exhaustMemory(server: SingleServer): Promise<Disruption> {
  const { client } = server;
  await client.config('SET', 'maxmemory-policy', 'noeviction');
  const usedBytes = Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1]);
  await client.config('SET', 'maxmemory', usedBytes + 4 * MEGABYTE);
  await server.fill(64).then(
    () => Promise.reject(new Error('the server was expected to run out of memory')),
    (error: Error) => (error.message.startsWith('OOM') ? undefined : Promise.reject(error)),
  );
  const startedAt = performance.now();
  // The values leave a rest of less than 1 MB free, and client buffers shrink. The lower maximum rejects every write.
  await client.config('SET', 'maxmemory', MEGABYTE / 2);
  await sleep(OUTAGE_MS);
  await client.config('SET', 'maxmemory', 0);
  return { startedAt, endedAt: performance.now() };
}

async function saveInBackground({ client }: SingleServer): Promise<Disruption> {
  const startedAt = performance.now();
  await client.bgsave();
  while ((await client.info('persistence')).includes('rdb_bgsave_in_progress:1')) await sleep(10);
  return { startedAt, endedAt: performance.now() };
}

const scenarios: readonly Scenario<SingleServer>[] = [
  { name: 'no disruption', isOutage: false, loses: 'nothing', disrupt: doNothing },
  { name: 'kill -9, back after 2 s', isOutage: true, loses: 'everything', disrupt: killAndRestart },
  { name: 'SIGSTOP for 5 s', isOutage: true, loses: 'nothing', disrupt: stallProcess },
  { name: 'SCRIPT FLUSH', isOutage: false, loses: 'nothing', disrupt: flushScripts },
  { name: 'FLUSHALL', isOutage: false, loses: 'everything', disrupt: flushAll },
  { name: 'maxmemory reached for 2 s', isOutage: true, loses: 'nothing', disrupt: exhaustMemory },
  {
    name: 'BGSAVE of 300 MB',
    isOutage: false,
    loses: 'nothing',
    prepare: (server) => server.fill(300),
    disrupt: saveInBackground,
  },
];

export const SINGLE_SERVER: RedisSetup<SingleServer> = {
  name: 'one Redis server',
  start: async () => new SingleServer(await startRedisProcess()),
  scenarios,
};
