import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type RunningRedis, startRedisProcess } from '../../provision/redis.ts';
import { WINDOW_MS } from './probes.ts';
import type { Course, OpenedServers, Place, Scenario } from './scenario.ts';

const OUTAGE_MS = 2000;
const FLUSHES = 3;
const MEGABYTE = 2 ** 20;

/** One Redis server, which may be another process after a scenario than before, and a client of it. */
export class OneServer implements OpenedServers {
  redis: RunningRedis;
  readonly client: Redis;
  readonly url: string;

  constructor(redis: RunningRedis) {
    this.redis = redis;
    this.url = redis.url;
    this.client = new Redis(redis.url);
    this.client.on('error', () => undefined); // the server was killed
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.redis.pid === undefined) throw new Error('the server has no process');
    process.kill(this.redis.pid, name);
  }

  /** Writes so many values of 1 MB, up to the first that is refused. */
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

async function killAndRestart(server: OneServer): Promise<Course> {
  const from = performance.now();
  await server.redis.stop();
  await sleep(OUTAGE_MS);
  const lostAt = performance.now();
  server.redis = await startRedisProcess({ port: server.redis.port });
  return { from, backAt: performance.now(), lostAt };
}

async function stopForFiveSeconds(server: OneServer): Promise<Course> {
  server.signal('SIGSTOP');
  const from = performance.now();
  await sleep(5000);
  const backAt = performance.now();
  server.signal('SIGCONT');
  return { from, backAt };
}

async function flushScripts({ client }: OneServer): Promise<Course> {
  const from = performance.now();
  await client.script('FLUSH');
  return { from, backAt: performance.now() };
}

/** Several times, further apart than the limits' window: how much is granted again depends on how much was spent. */
async function flushAll({ client }: OneServer): Promise<Course> {
  const from = performance.now();
  for (let flush = 1; flush < FLUSHES; flush++) {
    await client.flushall();
    await sleep(1.3 * WINDOW_MS);
  }
  const lostAt = performance.now();
  await client.flushall();
  return { from, backAt: performance.now(), lostAt };
}

async function reachMaxmemory(server: OneServer): Promise<Course> {
  const { client } = server;
  await client.config('SET', 'maxmemory-policy', 'noeviction');
  const used = Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1]);
  await client.config('SET', 'maxmemory', used + 4 * MEGABYTE);
  await server.fill(64).then(
    () => Promise.reject(new Error('the memory was expected to be used up')),
    (error: Error) => (error.message.startsWith('OOM') ? undefined : Promise.reject(error)),
  );
  const from = performance.now();
  // What the values left free, and the clients' buffers do not keep: nothing more may be written from now on.
  await client.config('SET', 'maxmemory', MEGABYTE / 2);
  await sleep(OUTAGE_MS);
  await client.config('SET', 'maxmemory', 0);
  return { from, backAt: performance.now() };
}

async function forkToSave({ client }: OneServer): Promise<Course> {
  const from = performance.now();
  await client.bgsave();
  while ((await client.info('persistence')).includes('rdb_bgsave_in_progress:1')) await sleep(10);
  return { from, backAt: performance.now() };
}

const scenarios: readonly Scenario<OneServer>[] = [
  { name: 'nothing', isOutage: false, loses: 'nothing', cause: pass },
  { name: 'kill -9, back after 2 s', isOutage: true, loses: 'everything', cause: killAndRestart },
  { name: 'SIGSTOP for 5 s', isOutage: true, loses: 'nothing', cause: stopForFiveSeconds },
  { name: 'SCRIPT FLUSH', isOutage: false, loses: 'nothing', cause: flushScripts },
  { name: 'FLUSHALL', isOutage: false, loses: 'everything', cause: flushAll },
  { name: 'maxmemory reached for 2 s', isOutage: true, loses: 'nothing', cause: reachMaxmemory },
  {
    name: 'BGSAVE of 300 MB',
    isOutage: false,
    loses: 'nothing',
    prepare: (server) => server.fill(300),
    cause: forkToSave,
  },
];

/** For comparison: what the machine itself does to calls. */
async function pass(): Promise<Course> {
  const from = performance.now();
  return { from, backAt: from };
}

export const ONE_SERVER: Place<OneServer> = {
  name: 'one Redis server',
  open: async () => new OneServer(await startRedisProcess()),
  scenarios,
};
