import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type Certificates, tlsOptions } from './certificates.ts';
import { freePort } from './free-port.ts';
import { type RunningRedis, startRedisProcess } from './redis.ts';

/** A master, its replica and three Sentinels of our own on 127.0.0.1. */
export interface RunningSentinels {
  /** For Weir, naming all Sentinels. */
  readonly url: string;
  readonly master: RunningRedis;
  readonly replica: RunningRedis;
  stop(): Promise<void>;
}

const NAME = 'counters';
const SENTINELS = 3;
const TIMEOUT_MS = 30_000;

export interface SentinelChoices {
  /** The servers' own, such as `--requirepass`. */
  readonly options?: readonly string[];
  /** Further lines of the Sentinels' configuration, such as `requirepass …`. */
  readonly sentinelLines?: readonly string[];
  /** Then the URL is for TLS, on further ports, and all of them are by TLS among themselves. */
  readonly certificates?: Certificates;
}

/** A dead master is replaced after one to two seconds. */
export async function startRedisSentinels(choices: SentinelChoices = {}): Promise<RunningSentinels> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-sentinel-'));
  const started: RunningRedis[] = [];
  const stop = async () => {
    await Promise.all(started.map((each) => each.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  const start = async (leading: readonly string[]): Promise<{ redis: RunningRedis; port: number }> => {
    const tlsPort = await freePort();
    const redis = await startRedisProcess({ options: [...leading, ...tlsFor(tlsPort, choices)] });
    started.push(redis);
    return { redis, port: choices.certificates === undefined ? redis.port : tlsPort };
  };
  try {
    const common = ['--repl-diskless-sync-delay', '0', ...(choices.options ?? [])];
    const master = await start(common);
    const replica = await start([...common, '--replicaof', '127.0.0.1', `${master.port}`]);
    const sentinels: Awaited<ReturnType<typeof start>>[] = [];
    for (let number = 0; number < SENTINELS; number++) {
      const file = path.join(folder, `${number}.conf`);
      await writeFile(file, [...configuration(master.port), ...(choices.sentinelLines ?? []), ''].join('\n'));
      sentinels.push(await start([file, '--sentinel']));
    }
    await Promise.all(sentinels.map(({ redis }) => knowsAll(redis.port, choices)));
    const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
    const scheme = choices.certificates === undefined ? 'redis' : 'rediss';
    return { url: `${scheme}+sentinel://${hosts}/${NAME}`, master: master.redis, replica: replica.redis, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function tlsFor(port: number, { certificates }: SentinelChoices): readonly string[] {
  return certificates === undefined ? [] : [...tlsOptions(port, certificates), '--tls-replication', 'yes'];
}

function configuration(masterPort: number): readonly string[] {
  return [
    `sentinel monitor ${NAME} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${NAME} 500`,
    // When the Sentinels' votes are split they try again after twice this.
    `sentinel failover-timeout ${NAME} 2500`,
  ];
}

async function knowsAll(port: number, { sentinelLines = [] }: SentinelChoices): Promise<void> {
  const password = sentinelLines.find((line) => line.startsWith('requirepass '))?.split(' ')[1];
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
