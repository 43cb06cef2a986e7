import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach } from 'vitest';
import { type RunningRedis, startRedis } from '../../../provision/redis.ts';
import { startRedisCluster } from '../../../provision/redis-cluster.ts';
import { type Counters, type CountersOptions, openCounters } from '../../../src/counters/open-counters.ts';
import { computeVirtualTag } from '../../../src/counters/redis/batch/counter-key.ts';
import { computeTagSlot } from '../../../src/counters/redis/topology/cluster-slots.ts';
import { type Decision, StoreUnavailable } from '../../../src/decide/ports.ts';
import type { StoreFailurePolicy } from '../../../src/domain/limits/limit.ts';
import type { Query } from '../../../src/interfaces/query.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeCharge, makeLimit } from '../model/builders.ts';

const closing: (() => Promise<void>)[] = [];

/** Closes what the tests of this file opened, after each test. */
export function closeAfterEachTest(): void {
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
}

export function closeAfterTest(close: () => Promise<void>): void {
  closing.push(close);
}

const large = makeLimit(1_000_000, '1h');

export async function startServer(port?: number): Promise<RunningRedis> {
  const redis = await startRedis(port === undefined ? {} : { port });
  closing.push(redis.stop);
  return redis;
}

/** The default of a node. */
export const SHORT_DEADLINE_MS = 15;

/** Most of these tests have no checkpoints, as with an empty table. */
const NO_CHECKPOINTS: Query = () => Promise.resolve([]);

/** Opens the counters of a node. By default it waits long for Redis, because machines that run tests are busy. */
export async function openTestCounters(
  redis: { readonly url: string },
  redisDeadlineMs = 1000,
  more: Partial<CountersOptions> = {},
) {
  const log: string[] = [];
  const breaker: boolean[] = [];
  const silent = new Set<string>();
  const nodes: number[] = [];
  const counters = await openCounters({
    redisUrl: redis.url,
    folder: '', // only for counters in memory
    redisAccess: { tls: {}, sentinel: {} },
    redisDeadlineMs,
    redisHistoryMs: 5000,
    stopPatienceMs: redisDeadlineMs,
    isDeciding: true,
    checkpoints: { query: NO_CHECKPOINTS, stopPatienceMs: 10_000 },
    logger: {
      info: () => undefined,
      warn: (fields, message) => void log.push(`${message} ${JSON.stringify(fields)}`),
    },
    onBreaker: (server, isOpen) => {
      breaker.push(isOpen);
      if (isOpen) silent.add(server);
    },
    onThreshold: () => undefined,
    onLiveNodes: (count) => void nodes.push(count),
    ...more,
  });
  closing.push(() => counters.close());
  await waitUntil(() => counters.ready);
  return { counters, log, breaker, silent, nodes };
}

export function makeDecision(policy?: StoreFailurePolicy, subject = 'key'): Decision {
  const limit = { ...large, ...(policy !== undefined && { onStoreFailure: policy }) };
  return { charges: [makeCharge(subject, limit)] };
}

/** Makes one decision. Returns a report such as `granted by redis`. */
export async function decide({ store }: Counters, decision: Decision): Promise<string> {
  const [outcome] = await store.decide([decision], undefined);
  if (outcome instanceof StoreUnavailable) return outcome.name;
  return `${outcome?.granted === true ? 'granted' : 'rejected'} by ${outcome?.source}`;
}

export function signal({ pid }: { readonly pid: number | undefined }, name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
  if (pid === undefined) throw new Error('this test needs redis-server or valkey-server on the PATH');
  process.kill(pid, name);
}

/** Decides one decision after the other until it is stopped. Each answer has the time that it took, in ms. */
export function startLoad(counters: Counters) {
  const answers: { readonly report: string; readonly ms: number }[] = [];
  let isOver = false;
  const running = (async () => {
    while (!isOver) {
      const askedAt = performance.now();
      answers.push({ report: await decide(counters, makeDecision()), ms: performance.now() - askedAt });
      await sleep(2);
    }
  })();
  return {
    answers,
    stop: () => {
      isOver = true;
      return running;
    },
  };
}

/**
 * Opens the counters of a node with a Redis Cluster, and stops one of its masters once all subjects are decided in
 * Redis. `sources` decides for subjects and returns the source of each; `expected` has the sources of all subjects while
 * the master is silent.
 */
export async function openCountersWithSilentMaster() {
  const cluster = await startRedisCluster();
  closeAfterTest(cluster.stop);
  const { counters, silent } = await openTestCounters(cluster, SHORT_DEADLINE_MS);
  const subjects = Array.from({ length: 100 }, (_, index) => `subject${index}`);
  const masterOf = (subject: string) => Math.floor((computeTagSlot(computeVirtualTag(subject)) * 3) / 16_384);
  const lost = subjects.filter((subject) => masterOf(subject) === 0);
  const sources = async (some: readonly string[]) => {
    const outcomes = await counters.store.decide(
      some.map((subject) => makeDecision('local', subject)),
      undefined,
    );
    return outcomes.map((outcome) => (outcome instanceof Error ? outcome.name : outcome.source));
  };
  const areAllInRedis = async () => (await sources(subjects)).every((source) => source === 'redis');
  await waitUntil(areAllInRedis);
  const [stopped] = cluster.masters;
  if (stopped === undefined) throw new Error('the cluster has no masters');
  signal(stopped, 'SIGSTOP');
  await waitUntil(async () => {
    await sources(lost);
    return silent.size > 0;
  });
  const expected = subjects.map((subject) => (lost.includes(subject) ? 'fail-local' : 'redis'));
  return { subjects, sources, expected, silent, stopped, areAllInRedis };
}

/** Silences a server under load until its breaker opens and for a second more. Returns the answers of that second. */
export async function silenceForASecond(
  redis: RunningRedis,
  breaker: readonly boolean[],
  answers: ReturnType<typeof startLoad>['answers'],
) {
  await waitUntil(() => answers.length > 10);
  signal(redis, 'SIGSTOP');
  await waitUntil(() => breaker.length > 0);
  const silentFrom = answers.length;
  await sleep(1000); // shorter than it takes to give up a silent connection
  const silent = answers.slice(silentFrom + 1);
  signal(redis, 'SIGCONT');
  return silent;
}
