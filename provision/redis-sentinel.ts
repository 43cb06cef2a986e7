import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type RunningRedis, startRedisProcess } from './redis.ts';

/** A master, its replica and three Sentinels of our own on 127.0.0.1. */
export interface RunningSentinels {
  /** For Weir, naming all Sentinels. */
  readonly url: string;
  readonly master: RunningRedis;
  readonly replica: RunningRedis;
  readonly sentinels: readonly RunningRedis[];
  stop(): Promise<void>;
}

const NAME = 'counters';
const SENTINELS = 3;
const TIMEOUT_MS = 30_000;

/** `sentinelOptions`: further lines of the Sentinels' configuration, such as `requirepass …`. */
export async function startRedisSentinels({
  options = [] as readonly string[],
  sentinelOptions = [] as readonly string[],
} = {}): Promise<RunningSentinels> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-sentinel-'));
  const started: RunningRedis[] = [];
  const start = async (serverOptions: readonly string[]) => {
    const redis = await startRedisProcess({ options: serverOptions });
    started.push(redis);
    return redis;
  };
  const stop = async () => {
    await Promise.all(started.map((each) => each.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const common = ['--repl-diskless-sync-delay', '0', ...options];
    const master = await start(common);
    const replica = await start([...common, '--replicaof', '127.0.0.1', `${master.port}`]);
    const sentinels: RunningRedis[] = [];
    for (let number = 0; number < SENTINELS; number++) {
      const file = path.join(folder, `${number}.conf`);
      await writeFile(file, [...configuration(master.port), ...sentinelOptions, ''].join('\n'));
      sentinels.push(await start([file, '--sentinel']));
    }
    await Promise.all(sentinels.map(({ port }) => knowsAll(port, sentinelOptions)));
    const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
    return { url: `redis+sentinel://${hosts}/${NAME}`, master, replica, sentinels, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A dead master is replaced after about a second. */
function configuration(masterPort: number): readonly string[] {
  return [
    `sentinel monitor ${NAME} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${NAME} 500`,
    `sentinel failover-timeout ${NAME} 5000`,
  ];
}

async function knowsAll(port: number, sentinelOptions: readonly string[]): Promise<void> {
  const password = sentinelOptions.find((line) => line.startsWith('requirepass '))?.split(' ')[1];
  const client = new Redis({ port, ...(password !== undefined && { password }) });
  const givenUpAt = performance.now() + TIMEOUT_MS;
  try {
    const count = async (what: string) => ((await client.call('SENTINEL', what, NAME)) as unknown[]).length;
    while ((await count('replicas')) < 1 || (await count('sentinels')) < SENTINELS - 1) {
      if (performance.now() > givenUpAt) throw new Error(`the Sentinels did not meet within ${TIMEOUT_MS} ms`);
      await sleep(20);
    }
  } finally {
    client.disconnect();
  }
}
