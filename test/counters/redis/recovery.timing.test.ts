import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { startRedisCluster } from '../../../provision/redis-cluster.ts';
import { startRedisSentinels } from '../../../provision/redis-sentinel.ts';
import { LeasingStore } from '../../../src/counters/leases/leasing-store.ts';
import { computeVirtualTag } from '../../../src/counters/redis/batch/counter-key.ts';
import { computeTagSlot } from '../../../src/counters/redis/topology/cluster-slots.ts';
import type { Charge, CounterStore } from '../../../src/decide/ports.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { silentLogger } from '../contract/clocked-stores.ts';
import { makeCharge, makeLeasedLimit, makeLimit } from '../model/builders.ts';
import {
  closeAfterEachTest,
  closeAfterTest,
  decide,
  makeDecision,
  openCountersWithSilentMaster,
  openTestCounters,
  SHORT_DEADLINE_MS,
  signal,
  silenceForASecond,
  startLoad,
  startServer,
} from './open-test-counters.ts';
import { isAnswering, openAnsweringStore } from './open-test-store.ts';

/** The time within which a node uses Redis again, once Redis is back. */
const MAX_RECOVERY_MS = 2000;

closeAfterEachTest();

const peek = (subject: string) => ({ charges: [makeCharge(subject, makeLimit(50, '1h'), 0)] });

async function measureMs(condition: () => boolean | Promise<boolean>): Promise<number> {
  const start = performance.now();
  await waitUntil(condition);
  return performance.now() - start;
}

describe('the counters of a node return to Redis within 2 s', () => {
  it('after a new server starts at the same address', async () => {
    const first = await startServer();
    const { counters } = await openTestCounters(first, SHORT_DEADLINE_MS);
    await first.stop();
    await waitUntil(() => !counters.ready);
    await startServer(first.port);
    const isBack = async () => (await decide(counters, makeDecision('deny'))) === 'granted by redis';
    expect(await measureMs(isBack)).toBeLessThan(MAX_RECOVERY_MS);
  });

  it('after a silence of a second, during which they do not wait for it', async () => {
    const redis = await startServer();
    const { counters, breaker } = await openTestCounters(redis, SHORT_DEADLINE_MS);
    const { answers, stop } = startLoad(counters);
    const silent = await silenceForASecond(redis, breaker, answers);
    expect(await measureMs(() => answers.at(-1)?.report === 'granted by redis')).toBeLessThan(MAX_RECOVERY_MS);
    await stop();
    expect(silent.length).toBeGreaterThan(100);
    const waiting = silent.filter(({ ms }) => ms > 10);
    expect(waiting.length).toBeLessThanOrEqual(silent.length / 10); // these are probes, and delays of the machine
  });

  it('after a silence so long that connections were given up', async () => {
    const redis = await startServer();
    const { counters } = await openTestCounters(redis, SHORT_DEADLINE_MS);
    const { answers, stop } = startLoad(counters);
    await waitUntil(() => answers.length > 10);
    signal(redis, 'SIGSTOP');
    await waitUntil(() => !counters.ready);
    await sleep(3000);
    signal(redis, 'SIGCONT');
    expect(await measureMs(() => answers.at(-1)?.report === 'granted by redis')).toBeLessThan(MAX_RECOVERY_MS);
    await stop();
  });

  it.each(['SIGKILL', 'SIGSTOP'] as const)('after Sentinels promote the replica of a master with %s', async (kill) => {
    const { url, master, replica, stop } = await startRedisSentinels();
    closeAfterTest(stop);
    const { store } = await openAnsweringStore({ url }, [peek('key')]);
    closeAfterTest(() => store.close());
    signal(master, kill);
    await waitUntil(async () => !(await isAnswering(store, [peek('key')])));
    const client = new Redis(replica.url);
    closeAfterTest(async () => client.disconnect());
    await waitUntil(async () => String(await client.call('ROLE')).startsWith('master'));
    expect(await measureMs(() => isAnswering(store, [peek('key')]))).toBeLessThan(MAX_RECOVERY_MS);
  });

  it.each(['SIGKILL', 'SIGSTOP'] as const)('after a cluster replaces a master with %s', async (kill) => {
    const { url, masters, replicas, stop } = await startRedisCluster();
    closeAfterTest(stop);
    const subjects = Array.from({ length: 100 }, (_, index) => `subject${index}`);
    const isOnFirstMaster = (subject: string) => computeTagSlot(computeVirtualTag(subject)) < 16_384 / 3;
    const { store } = await openAnsweringStore({ url }, subjects.map(peek));
    closeAfterTest(() => store.close());
    const lost = subjects.filter(isOnFirstMaster).map(peek);
    const [master, replica] = [masters[0], replicas[0]];
    if (master === undefined || replica === undefined) throw new Error('the cluster has no masters');
    signal(master, kill);
    await waitUntil(async () => !(await isAnswering(store, lost)));
    await waitUntil(async () => String(await replica.client.call('ROLE')).startsWith('master'));
    expect(await measureMs(() => isAnswering(store, lost))).toBeLessThan(MAX_RECOVERY_MS);
  });
});

describe('the counters of a node', () => {
  it('keep the circuit breaker closed through a pause as short as that of a fork', async () => {
    const redis = await startServer();
    const { counters, breaker } = await openTestCounters(redis, SHORT_DEADLINE_MS);
    const { answers, stop } = startLoad(counters);
    await waitUntil(() => answers.length > 10);
    signal(redis, 'SIGSTOP');
    await sleep(60);
    signal(redis, 'SIGCONT');
    await waitUntil(() => answers.at(-1)?.report === 'granted by redis');
    await stop();
    expect(answers.filter(({ report }) => report.endsWith('by fail-local'))).not.toEqual([]);
    expect(breaker).toEqual([]);
  });
});

describe('the counters of a node with a Redis Cluster', () => {
  it('decide without delay while one master is silent', async () => {
    const { subjects, sources, expected } = await openCountersWithSilentMaster();
    let fastestMs = Number.POSITIVE_INFINITY;
    for (let call = 0; call < 20; call++) {
      const askedAt = performance.now();
      const reported = await sources(subjects);
      if (reported.join() === expected.join()) fastestMs = Math.min(fastestMs, performance.now() - askedAt);
    }
    expect(fastestMs).toBeLessThan(15);
  });
});

describe('a block of a leased counter', () => {
  it('counts within a second on a node that holds a slice of it', async () => {
    const redis = await startServer();
    const opened = await Promise.all([1, 2].map(() => openAnsweringStore({ url: redis.url, keyPrefix: 'test' }, [])));
    for (const { store } of opened) closeAfterTest(() => store.close());
    const [here, there] = opened.map(({ store }) => new LeasingStore(store, silentLogger));
    if (here === undefined || there === undefined) throw new Error('the test needs two stores');
    const charge: Charge = { subject: 'key', limit: makeLeasedLimit(100_000, 3600), hits: 1 };
    const isLeased = async (store: CounterStore) => {
      const outcomes = await store.decide(
        Array.from({ length: 40 }, () => ({ charges: [charge] })),
        undefined,
      );
      return outcomes.some((outcome) => 'source' in outcome && outcome.source === 'lease');
    };
    await waitUntil(() => isLeased(here));
    await waitUntil(() => isLeased(there));
    await here.correct([{ ...charge, change: { kind: 'block', microseconds: 60_000_000 } }]);
    const isRejected = async () => {
      const [outcome] = await there.decide([{ charges: [charge] }], undefined);
      return outcome !== undefined && 'granted' in outcome && !outcome.granted;
    };
    expect(await measureMs(isRejected)).toBeLessThan(1000);
    await here.close();
    await there.close();
  });
});
