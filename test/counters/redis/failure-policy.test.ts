import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type RunningRedis, startRedis } from '../../../provision/redis.ts';
import { startRedisCluster } from '../../../provision/redis-cluster.ts';
import { type Counters, openCounters } from '../../../src/counters/open-counters.ts';
import { computeVirtualTag } from '../../../src/counters/redis/batch/counter-key.ts';
import { computeTagSlot } from '../../../src/counters/redis/topology/cluster-slots.ts';
import { type Decision, StoreUnavailable } from '../../../src/decide/ports.ts';
import type { StoreFailurePolicy } from '../../../src/domain/limits/limit.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeCharge, makeLimit } from '../model/builders.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const large = makeLimit(1_000_000, '1h');

async function start(port?: number): Promise<RunningRedis> {
  const redis = await startRedis(port === undefined ? {} : { port });
  closing.push(redis.stop);
  return redis;
}

async function open(redis: { readonly url: string }) {
  const log: string[] = [];
  const breaker: boolean[] = [];
  const silent = new Set<string>();
  const nodes: number[] = [];
  const counters = openCounters({
    redisUrl: redis.url,
    redisAccess: { tls: {}, sentinel: {} },
    redisDeadlineMs: 15,
    logger: { warn: (fields, message) => void log.push(`${message} ${JSON.stringify(fields)}`) },
    onBreaker: (server, isOpen) => {
      breaker.push(isOpen);
      if (isOpen) silent.add(server);
    },
    onLiveNodes: (count) => void nodes.push(count),
  });
  closing.push(() => counters.close());
  await waitUntil(() => counters.ready);
  return { counters, log, breaker, silent, nodes };
}

function makeDecision(policy?: StoreFailurePolicy, subject = 'key'): Decision {
  const limit = { ...large, ...(policy !== undefined && { onStoreFailure: policy }) };
  return { charges: [makeCharge(subject, limit)] };
}

async function decide({ store }: Counters, decision: Decision) {
  const [outcome] = await store.decide([decision]);
  if (outcome instanceof StoreUnavailable) return outcome.name;
  return `${outcome?.granted === true ? 'granted' : 'rejected'} by ${outcome?.source}`;
}

function signal({ pid }: { readonly pid: number | undefined }, name: 'SIGSTOP' | 'SIGCONT'): void {
  if (pid === undefined) throw new Error('this test needs redis-server or valkey-server on the PATH');
  process.kill(pid, name);
}

/** Decides one decision after the other until it is stopped. Each answer has the time that it took, in ms. */
function load(counters: Counters) {
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

describe('the counters of a node', () => {
  it('follow the policy of each limit while there is no server, and return to Redis within 2 s of its return', async () => {
    const first = await start();
    const { counters } = await open(first);
    expect(await decide(counters, makeDecision())).toBe('granted by redis');
    await first.stop();
    await waitUntil(() => !counters.ready);
    expect(await decide(counters, makeDecision())).toBe('granted by fail-local');
    expect(await decide(counters, makeDecision('allow'))).toBe('granted by fail-open');
    expect(await decide(counters, makeDecision('deny'))).toBe('StoreUnavailable');
    await start(first.port);
    const backAt = performance.now();
    await waitUntil(async () => (await decide(counters, makeDecision('deny'))) === 'granted by redis');
    expect(performance.now() - backAt).toBeLessThan(2000);
  });

  it('do not wait for a server that is silent, and return to it within 2 s of its return', async () => {
    const redis = await start();
    const { counters, log, breaker } = await open(redis);
    const { answers, stop } = load(counters);
    await waitUntil(() => answers.length > 10);
    signal(redis, 'SIGSTOP');
    await waitUntil(() => breaker.length > 0);
    const silentFrom = answers.length;
    await sleep(1000); // shorter than it takes to give up a silent connection
    const silent = answers.slice(silentFrom + 1);
    signal(redis, 'SIGCONT');
    const backAt = performance.now();
    await waitUntil(() => answers.at(-1)?.report === 'granted by redis');
    expect(performance.now() - backAt).toBeLessThan(2000);
    await stop();
    expect(silent.length).toBeGreaterThan(100);
    expect(new Set(silent.map(({ report }) => report))).toEqual(new Set(['granted by fail-local']));
    const waiting = silent.filter(({ ms }) => ms > 10);
    expect(waiting.length).toBeLessThanOrEqual(silent.length / 10); // these are probes, and delays of a busy machine
    expect(breaker).toEqual([true, false]);
    expect(log.filter((line) => line.includes('is silent'))).toHaveLength(1);
  });

  it('return to Redis within 2 s of its return also when it was silent until connections were given up', async () => {
    const redis = await start();
    const { counters } = await open(redis);
    const { answers, stop } = load(counters);
    await waitUntil(() => answers.length > 10);
    signal(redis, 'SIGSTOP');
    await waitUntil(() => !counters.ready);
    await sleep(3000);
    signal(redis, 'SIGCONT');
    const backAt = performance.now();
    await waitUntil(() => answers.at(-1)?.report === 'granted by redis');
    expect(performance.now() - backAt).toBeLessThan(2000);
    await stop();
    expect(new Set(answers.map(({ report }) => report))).toEqual(
      new Set(['granted by redis', 'granted by fail-local']),
    );
  });

  it('keep the circuit breaker closed through a pause as short as that of a fork', async () => {
    const redis = await start();
    const { counters, breaker } = await open(redis);
    const { answers, stop } = load(counters);
    await waitUntil(() => answers.length > 10);
    signal(redis, 'SIGSTOP');
    await sleep(60);
    signal(redis, 'SIGCONT');
    await waitUntil(() => answers.at(-1)?.report === 'granted by redis');
    await stop();
    expect(answers.map(({ report }) => report)).toContain('granted by fail-local');
    expect(breaker).toEqual([]);
  });

  it('keep the circuit breaker closed when this process is too busy to read replies', async () => {
    const { counters, breaker } = await open(await start());
    const reports: string[] = [];
    for (let turn = 0; turn < 5; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      const pending = decide(counters, makeDecision());
      const busyUntil = performance.now() + 150;
      while (performance.now() < busyUntil);
      reports.push(await pending);
    }
    expect(reports).toContain('granted by redis'); // on a busy machine not always: Redis has to wait, too
    expect(breaker).toEqual([]);
  });

  it('repeat a rejection of Redis for 250 ms without asking again', async () => {
    const { counters } = await open(await start());
    const one = { charges: [makeCharge(randomUUID(), makeLimit(1, '1h'))] };
    const reports: string[] = [];
    for (let call = 0; call < 4; call++) reports.push(await decide(counters, one));
    expect(reports).toEqual(['granted by redis', 'rejected by redis', 'rejected by local', 'rejected by local']);
    await sleep(260);
    expect(await decide(counters, one)).toBe('rejected by redis');
  });
});

describe('the counters of a node with a Redis Cluster', () => {
  it('follow the policy for the subjects of a silent master, and decide the others in Redis without delay', async () => {
    const cluster = await startRedisCluster();
    closing.push(cluster.stop);
    const { counters, silent } = await open(cluster);
    const subjects = Array.from({ length: 100 }, (_, index) => `subject${index}`);
    const masterOf = (subject: string) => Math.floor((computeTagSlot(computeVirtualTag(subject)) * 3) / 16_384);
    const lost = subjects.filter((subject) => masterOf(subject) === 0);
    const sources = async (some: readonly string[]) => {
      const outcomes = await counters.store.decide(some.map((subject) => makeDecision('local', subject)));
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
    let fastestMs = Number.POSITIVE_INFINITY;
    for (let call = 0; call < 20; call++) {
      const askedAt = performance.now();
      const reported = await sources(subjects);
      if (reported.join() === expected.join()) fastestMs = Math.min(fastestMs, performance.now() - askedAt);
    }
    expect(fastestMs).toBeLessThan(15);
    expect([...silent]).toEqual([`127.0.0.1:${stopped.port}`]);
    await waitUntil(areAllInRedis); // once its replica has taken over
  }, 60_000);
});

describe('nodes that share counters', () => {
  it('grant their share of a limit each while Redis is away', async () => {
    const redis = await start();
    for (let others = 0; others < 3; others++) await open(redis);
    const { counters, nodes } = await open(redis);
    await waitUntil(() => nodes.at(-1) === 4);
    await redis.stop();
    await waitUntil(() => !counters.ready);
    const eight = { charges: [makeCharge('shared', makeLimit(8, '1h'))] };
    const reports: string[] = [];
    for (let call = 0; call < 4; call++) reports.push(await decide(counters, eight));
    expect(reports).toEqual([
      'granted by fail-local',
      'granted by fail-local',
      'rejected by fail-local',
      'rejected by fail-local',
    ]);
  });
});
