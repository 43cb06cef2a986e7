import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type Certificates, redisTlsOptions } from './certificates.ts';
import { findFreePort } from './free-port.ts';
import { type RunningRedis, startRedisProcess } from './redis.ts';

/** A master, its replica and three Sentinels on 127.0.0.1, for one test. */
export interface RunningSentinels {
  /** REDIS_URL for Weir. Names all Sentinels. */
  readonly url: string;
  readonly master: RunningRedis;
  readonly replica: RunningRedis;
  stop(): Promise<void>;
}

const MASTER_NAME = 'counters';
const SENTINEL_COUNT = 3;
const DISCOVERY_TIMEOUT_MS = 30_000;

export interface RedisSentinelOptions {
  /** Arguments of the master and the replica, such as `--requirepass`. */
  readonly serverArguments?: readonly string[];
  /** More lines for the configuration of the Sentinels, such as `requirepass …`. */
  readonly sentinelConfiguration?: readonly string[];
  /** Makes the servers use TLS between each other, and on additional ports for Weir. `url` then names these ports. */
  readonly certificates?: Certificates;
}

/** Starts them. When the master dies, the Sentinels promote the replica after one to two seconds. */
export async function startRedisSentinels(options: RedisSentinelOptions = {}): Promise<RunningSentinels> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-sentinel-'));
  const started: RunningRedis[] = [];
  const stop = async () => {
    await Promise.all(started.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  const start = async (extraArguments: readonly string[]): Promise<{ redis: RunningRedis; port: number }> => {
    const tlsPort = await findFreePort();
    const redis = await startRedisProcess({ extraArguments: [...extraArguments, ...tlsOptions(tlsPort, options)] });
    started.push(redis);
    return { redis, port: options.certificates === undefined ? redis.port : tlsPort };
  };
  try {
    const common = ['--repl-diskless-sync-delay', '0', ...(options.serverArguments ?? [])];
    const master = await start(common);
    const replica = await start([...common, '--replicaof', '127.0.0.1', `${master.port}`]);
    const sentinels: Awaited<ReturnType<typeof start>>[] = [];
    for (let number = 0; number < SENTINEL_COUNT; number++) {
      const file = path.join(folder, `${number}.conf`);
      await writeFile(
        file,
        [...formatSentinelConfiguration(master.port), ...(options.sentinelConfiguration ?? []), ''].join('\n'),
      );
      sentinels.push(await start([file, '--sentinel']));
    }
    await Promise.all(sentinels.map(({ redis }) => waitUntilDiscovered(redis.port, options)));
    const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
    const scheme = options.certificates === undefined ? 'redis' : 'rediss';
    return { url: `${scheme}+sentinel://${hosts}/${MASTER_NAME}`, master: master.redis, replica: replica.redis, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function tlsOptions(port: number, { certificates }: RedisSentinelOptions): readonly string[] {
  return certificates === undefined ? [] : [...redisTlsOptions(port, certificates), '--tls-replication', 'yes'];
}

function formatSentinelConfiguration(masterPort: number): readonly string[] {
  return [
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${MASTER_NAME} 500`,
    // After a split vote, the Sentinels try again after twice this time.
    `sentinel failover-timeout ${MASTER_NAME} 2500`,
  ];
}

async function waitUntilDiscovered(port: number, { sentinelConfiguration = [] }: RedisSentinelOptions): Promise<void> {
  const password = sentinelConfiguration.find((line) => line.startsWith('requirepass '))?.split(' ')[1];
  const client = new Redis({ port, ...(password !== undefined && { password }) });
  const deadline = performance.now() + DISCOVERY_TIMEOUT_MS;
  try {
    // Sentinel replies to both subcommands with an array.
    const count = async (subcommand: 'replicas' | 'sentinels') =>
      ((await client.call('SENTINEL', subcommand, MASTER_NAME)) as unknown[]).length;
    while ((await count('replicas')) < 1 || (await count('sentinels')) < SENTINEL_COUNT - 1) {
      if (performance.now() > deadline)
        throw new Error(`the Sentinels did not find each other within ${DISCOVERY_TIMEOUT_MS} ms`);
      await sleep(20);
    }
  } finally {
    client.disconnect();
  }
}
