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
import { makeCharge, makeLimit } from '../model/traces.ts';
import { becomesTrue } from './waiting.ts';

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
  await becomesTrue(() => counters.ready);
  return { counters, log, breaker, silent, nodes };
}

function asks(policy?: StoreFailurePolicy, subject = 'key'): Decision {
  const limit = { ...large, ...(policy !== undefined && { onStoreFailure: policy }) };
  return { charges: [makeCharge(subject, limit)] };
}

async function decide({ store }: Counters, decision: Decision) {
  const [outcome] = await store.decide([decision]);
  if (outcome instanceof StoreUnavailable) return outcome.name;
  return `${outcome?.granted === true ? 'granted' : 'refused'} by ${outcome?.source}`;
}

function signal({ pid }: { readonly pid: number | undefined }, name: 'SIGSTOP' | 'SIGCONT'): void {
  if (pid === undefined) throw new Error('this test needs redis-server or valkey-server on the PATH');
  process.kill(pid, name);
}

/** Asks all the time; each answer with how long it took, in ms. */
function load(counters: Counters) {
  const answers: { readonly said: string; readonly ms: number }[] = [];
  let isOver = false;
  const running = (async () => {
    while (!isOver) {
      const askedAt = performance.now();
      answers.push({ said: await decide(counters, asks()), ms: performance.now() - askedAt });
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

describe('counters in Redis, guarded', () => {
  it('are decided by each limit’s policy while there is no server, and by Redis again within 2 s of its return', async () => {
    const first = await start();
    const { counters } = await open(first);
    expect(await decide(counters, asks())).toBe('granted by redis');
    await first.stop();
    await becomesTrue(() => !counters.ready);
    expect(await decide(counters, asks())).toBe('granted by fail-local');
    expect(await decide(counters, asks('allow'))).toBe('granted by fail-open');
    expect(await decide(counters, asks('deny'))).toBe('StoreUnavailable');
    await start(first.port);
    const backAt = performance.now();
    await becomesTrue(async () => (await decide(counters, asks('deny'))) === 'granted by redis');
    expect(performance.now() - backAt).toBeLessThan(2000);
  });

  it('do not wait for a server that is silent, and are asked again within 2 s of its return', async () => {
    const redis = await start();
    const { counters, log, breaker } = await open(redis);
    const { answers, stop } = load(counters);
    await becomesTrue(() => answers.length > 10);
    signal(redis, 'SIGSTOP');
    await becomesTrue(() => breaker.length > 0);
    const silentFrom = answers.length;
    await sleep(1000); // less than what makes a silent connection be left
    const silent = answers.slice(silentFrom + 1);
    signal(redis, 'SIGCONT');
    const backAt = performance.now();
    await becomesTrue(() => answers.at(-1)?.said === 'granted by redis');
    expect(performance.now() - backAt).toBeLessThan(2000);
    await stop();
    expect(silent.length).toBeGreaterThan(100);
    expect(new Set(silent.map(({ said }) => said))).toEqual(new Set(['granted by fail-local']));
    const waiting = silent.filter(({ ms }) => ms > 10);
    expect(waiting.length).toBeLessThanOrEqual(silent.length / 10); // probes, and a busy machine
    expect(breaker).toEqual([true, false]);
    expect(log.filter((line) => line.includes('is silent'))).toHaveLength(1);
  });

  it('are in Redis again within 2 s of its return also when it was silent for so long that connections were given up', async () => {
    const redis = await start();
    const { counters } = await open(redis);
    const { answers, stop } = load(counters);
    await becomesTrue(() => answers.length > 10);
    signal(redis, 'SIGSTOP');
    await becomesTrue(() => !counters.ready);
    await sleep(3000);
    signal(redis, 'SIGCONT');
    const backAt = performance.now();
    await becomesTrue(() => answers.at(-1)?.said === 'granted by redis');
    expect(performance.now() - backAt).toBeLessThan(2000);
    await stop();
    expect(new Set(answers.map(({ said }) => said))).toEqual(new Set(['granted by redis', 'granted by fail-local']));
  });

  it('stay in Redis over a pause as short as that of a fork', async () => {
    const redis = await start();
    const { counters, breaker } = await open(redis);
    const { answers, stop } = load(counters);
    await becomesTrue(() => answers.length > 10);
    signal(redis, 'SIGSTOP');
    await sleep(60);
    signal(redis, 'SIGCONT');
    await becomesTrue(() => answers.at(-1)?.said === 'granted by redis');
    await stop();
    expect(answers.map(({ said }) => said)).toContain('granted by fail-local');
    expect(breaker).toEqual([]);
  });

  it('are not taken for silent by a process that is too busy to look at replies', async () => {
    const { counters, breaker } = await open(await start());
    const said: string[] = [];
    for (let turn = 0; turn < 5; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      const pending = decide(counters, asks());
      const busyUntil = performance.now() + 150;
      while (performance.now() < busyUntil);
      said.push(await pending);
    }
    expect(said).toContain('granted by redis'); // not always on a busy machine, where Redis has to wait as well
    expect(breaker).toEqual([]);
  });

  it('refuse for 250 ms by what Redis has just said', async () => {
    const { counters } = await open(await start());
    const one = { charges: [makeCharge(randomUUID(), makeLimit(1, '1h'))] };
    const said: string[] = [];
    for (let call = 0; call < 4; call++) said.push(await decide(counters, one));
    expect(said).toEqual(['granted by redis', 'refused by redis', 'refused by local', 'refused by local']);
    await sleep(260);
    expect(await decide(counters, one)).toBe('refused by redis');
  });
});

describe('counters in a Redis Cluster, guarded', () => {
  it('of one master that is silent are decided here, and those of the others in Redis without waiting for it', async () => {
    const cluster = await startRedisCluster();
    closing.push(cluster.stop);
    const { counters, silent } = await open(cluster);
    const subjects = Array.from({ length: 100 }, (_, place) => `subject${place}`);
    const masterOf = (subject: string) => Math.floor((computeTagSlot(computeVirtualTag(subject)) * 3) / 16_384);
    const lost = subjects.filter((subject) => masterOf(subject) === 0);
    const sources = async (some: readonly string[]) => {
      const outcomes = await counters.store.decide(some.map((subject) => asks('local', subject)));
      return outcomes.map((outcome) => (outcome instanceof Error ? outcome.name : outcome.source));
    };
    const areAllInRedis = async () => (await sources(subjects)).every((source) => source === 'redis');
    await becomesTrue(areAllInRedis);
    const [stopped] = cluster.masters;
    if (stopped === undefined) throw new Error('a cluster without masters');
    signal(stopped, 'SIGSTOP');
    await becomesTrue(async () => {
      await sources(lost);
      return silent.size > 0;
    });
    const expected = subjects.map((subject) => (lost.includes(subject) ? 'fail-local' : 'redis'));
    let quickest = Number.POSITIVE_INFINITY;
    for (let call = 0; call < 20; call++) {
      const askedAt = performance.now();
      const told = await sources(subjects);
      if (told.join() === expected.join()) quickest = Math.min(quickest, performance.now() - askedAt);
    }
    expect(quickest).toBeLessThan(15);
    expect([...silent]).toEqual([`127.0.0.1:${stopped.port}`]);
    await becomesTrue(areAllInRedis); // its replica takes over
  }, 60_000);
});

describe('nodes that share counters', () => {
  it('each have their share of a limit while Redis is away', async () => {
    const redis = await start();
    for (let others = 0; others < 3; others++) await open(redis);
    const { counters, nodes } = await open(redis);
    await becomesTrue(() => nodes.at(-1) === 4);
    await redis.stop();
    await becomesTrue(() => !counters.ready);
    const eight = { charges: [makeCharge('shared', makeLimit(8, '1h'))] };
    const said: string[] = [];
    for (let call = 0; call < 4; call++) said.push(await decide(counters, eight));
    expect(said).toEqual([
      'granted by fail-local',
      'granted by fail-local',
      'refused by fail-local',
      'refused by fail-local',
    ]);
  });
});
