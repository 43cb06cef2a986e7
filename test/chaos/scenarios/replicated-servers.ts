import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RunningRedis } from '../../../provision/redis.ts';
import { moveSlot, type RunningCluster, startRedisCluster } from '../../../provision/redis-cluster.ts';
import { type RunningSentinels, startRedisSentinels } from '../../../provision/redis-sentinel.ts';
import { computeTagSlot } from '../../../src/counters/redis/topology/cluster-slots.ts';
import { waitUntil } from '../../support/wait-until.ts';
import type { Disruption, RedisSetup } from './scenario.ts';

/** Time between moving the slots away and moving them back. */
const SLOTS_AWAY_MS = 500;

async function killSentinelMaster({ master, replica }: RunningSentinels): Promise<Disruption> {
  return killMaster(master, replica);
}

async function killClusterMaster({ masters, replicas }: RunningCluster): Promise<Disruption> {
  const [master, replica] = [masters[0], replicas[0]];
  if (master === undefined || replica === undefined) throw new Error('cluster: must have a master and a replica');
  return killMaster(master, replica);
}

/** Ends once the replica is the master. */
async function killMaster(master: RunningRedis, replica: RunningRedis): Promise<Disruption> {
  const client = new Redis(replica.url);
  try {
    const startedAt = performance.now();
    await master.stop();
    await waitUntil(async () => String(await client.call('ROLE')).startsWith('master'));
    return { startedAt, endedAt: performance.now() };
  } finally {
    client.disconnect();
  }
}

/** Moves every slot of the first master that has counters to the second master, and then back. */
async function moveSlotsAndBack({ masters }: RunningCluster): Promise<Disruption> {
  const [first, second] = masters;
  if (first === undefined || second === undefined) throw new Error('cluster: must have two masters');
  const tags = (await first.client.keys('*')).map((key) => Number(/\{(\d+)\}/.exec(key)?.[1]));
  const slots = new Set(tags.map(computeTagSlot));
  const startedAt = performance.now();
  for (const slot of slots) await moveSlot(slot, first, second);
  await sleep(SLOTS_AWAY_MS);
  for (const slot of slots) await moveSlot(slot, second, first);
  return { startedAt, endedAt: performance.now() };
}

export const SENTINEL: RedisSetup<RunningSentinels> = {
  name: 'Redis Sentinel',
  start: startRedisSentinels,
  scenarios: [{ name: 'Sentinel: master killed', isOutage: true, loses: 'newest', disrupt: killSentinelMaster }],
};

export const CLUSTER: RedisSetup<RunningCluster> = {
  name: 'Redis Cluster',
  start: startRedisCluster,
  scenarios: [
    { name: 'Cluster: slots moved', isOutage: false, loses: 'nothing', disrupt: moveSlotsAndBack },
    { name: 'Cluster: master killed', isOutage: true, loses: 'newest', disrupt: killClusterMaster },
  ],
};
