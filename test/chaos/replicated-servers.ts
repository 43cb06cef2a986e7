import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RunningRedis } from '../../provision/redis.ts';
import { moveSlot, type RunningCluster, startRedisCluster } from '../../provision/redis-cluster.ts';
import { type RunningSentinels, startRedisSentinels } from '../../provision/redis-sentinel.ts';
import { computeTagSlot } from '../../src/counters/redis/topology/cluster-slots.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { Course, Place } from './scenario.ts';

async function killSentinelsMaster({ master, replica }: RunningSentinels): Promise<Course> {
  return killMaster(master, replica);
}

async function killClusterMaster({ masters, replicas }: RunningCluster): Promise<Course> {
  const [master, replica] = [masters[0], replicas[0]];
  if (master === undefined || replica === undefined) throw new Error('the cluster has no masters');
  return killMaster(master, replica);
}

async function killMaster(master: RunningRedis, replica: RunningRedis): Promise<Course> {
  const client = new Redis(replica.url);
  try {
    const from = performance.now();
    await master.stop();
    await waitUntil(async () => String(await client.call('ROLE')).startsWith('master'));
    return { from, backAt: performance.now() };
  } finally {
    client.disconnect();
  }
}

/** All slots that the questions' counters stand in, to the second master and back. */
async function migrateSlots({ masters }: RunningCluster): Promise<Course> {
  const [first, second] = masters;
  if (first === undefined || second === undefined) throw new Error('the cluster has no masters');
  const keys = (await first.client.keys('*')).map((key) => Number(/\{(\d+)\}/.exec(key)?.[1]));
  const slots = new Set(keys.map(computeTagSlot));
  const from = performance.now();
  for (const slot of slots) await moveSlot(slot, first, second);
  await sleep(500);
  for (const slot of slots) await moveSlot(slot, second, first);
  return { from, backAt: performance.now() };
}

export const SENTINELS: Place<RunningSentinels> = {
  name: 'Redis Sentinel',
  open: startRedisSentinels,
  scenarios: [{ name: 'Sentinel: master killed', isOutage: true, loses: 'newest', cause: killSentinelsMaster }],
};

export const CLUSTER: Place<RunningCluster> = {
  name: 'Redis Cluster',
  open: startRedisCluster,
  scenarios: [
    { name: 'Cluster: slots moved', isOutage: false, loses: 'nothing', cause: migrateSlots },
    { name: 'Cluster: master killed', isOutage: true, loses: 'newest', cause: killClusterMaster },
  ],
};
