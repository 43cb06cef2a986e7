import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { type RunningRedis, startRedisProcess } from '../../../provision/redis.ts';
import { startRedisCluster } from '../../../provision/redis-cluster.ts';
import { startRedisSentinels } from '../../../provision/redis-sentinel.ts';
import { computeVirtualTag } from '../../../src/counters/redis/batch/counter-key.ts';
import { computeTagSlot } from '../../../src/counters/redis/topology/cluster-slots.ts';
import type { TimedLimit } from '../../../src/domain/limits/limit.ts';
import { makeCalendarLimit, makeLimit } from '../../counters/model/builders.ts';
import { countOver, loadThroughPauses } from '../../counters/redis/load-through-pauses.ts';
import { closeAfterEachTest, closeAfterTest, openTestCounters } from '../../counters/redis/open-test-counters.ts';
import { stopReplication, takeSnapshot, waitForReplica } from '../../support/old-history.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** A row of the table of failovers in docs/guarantees.md. */
export interface FailoverFigures {
  readonly disruption: string;
  readonly nodes: number;
  readonly calls: number;
  /** For each limit, the most grants that certainly were too many, without what nodes remember, and with it. */
  readonly overWithout: readonly number[];
  readonly over: readonly number[];
  /** Hits that nodes charged again. */
  readonly repaired: number;
  /** From the promotion or the start until Redis decides again. */
  readonly recoveryMs: number;
}

/** Limits that deny without Redis: nodes grant nothing alone, so every grant too many is one that Redis has forgotten. */
const LIMITS: readonly TimedLimit[] = [
  makeLimit(60, '60s', { name: 'small' }),
  makeLimit(400, '60s', { name: 'large' }),
  makeLimit(400, '60s', { name: 'fixed', algorithm: 'fixed_window' }),
  makeLimit(400, '600s', { name: 'bucket', algorithm: 'token_bucket' }),
  makeLimit(400, '60s', { name: 'slots', algorithm: 'concurrency' }),
  // The identity that checkpoints know: an unknown one cannot be restored from them.
  { ...makeCalendarLimit(400, 'day', { name: 'day' }), identity: 'day/c1d' },
].map((limit) => ({ ...limit, onStoreFailure: 'deny' }));
const NODE_COUNTS = [1, 3];
const INTERVAL_MS = 6;
const DURATION_MS = 9000;
const BEFORE_MS = 500;
/** By so much the replica, or the snapshot, is behind. */
const LAG_MS = 1000;

/** A Redis deployment that loses its newest second once. */
interface Failover {
  readonly url: string;
  /** Resolves when there is a server again. */
  readonly lose: () => Promise<void>;
}

const FAILOVERS: readonly { readonly name: string; readonly start: () => Promise<Failover> }[] = [
  {
    name: 'Sentinel: promoted replica 1 s behind',
    start: async () => {
      const { url, master, replica, stop } = await startRedisSentinels();
      closeAfterTest(stop);
      return { url, lose: () => promoteLate(master, replica) };
    },
  },
  {
    name: 'Cluster: promoted replica 1 s behind',
    start: async () => {
      const { url, master, replica } = await startCluster();
      return { url, lose: () => promoteLate(master, replica) };
    },
  },
  {
    name: 'kill -9, back with a snapshot 1 s old',
    start: async () => {
      const redis = await startRedisProcess();
      closeAfterTest(redis.stop);
      return { url: redis.url, lose: () => restartOld(redis) };
    },
  },
];

/** Defines a test for each failover and number of nodes. `onFigures` receives the figures of each, even if it fails. */
export function defineFailoverTests(onFigures: (figures: FailoverFigures) => void): void {
  describe.each(NODE_COUNTS)('%d nodes, when Redis loses its newest second', (nodeCount) => {
    closeAfterEachTest();

    it.each(FAILOVERS)('grant nothing twice: $name', async ({ name, start }) => {
      const without = await measure(await start(), nodeCount, 0);
      const figures = await measure(await start(), nodeCount, 5000);
      onFigures({ disruption: name, nodes: nodeCount, ...figures, overWithout: without.over });
      expect(figures.over).toEqual(LIMITS.map(() => 0));
      // If nothing was lost, that proves nothing.
      expect(Math.max(...without.over)).toBeGreaterThan(0);
    });
  });
}

async function measure({ url, lose }: Failover, nodeCount: number, redisHistoryMs: number) {
  const opened = await Promise.all(
    Array.from({ length: nodeCount }, () => openTestCounters({ url }, 100, { redisHistoryMs })),
  );
  await waitUntil(() => opened.every(({ nodes }) => nodes.at(-1) === nodeCount));
  const nodes = opened.map(({ counters }) => counters);
  let backAt = Number.NaN;
  const delays = [BEFORE_MS];
  const { answers } = await loadThroughPauses({
    nodes,
    limits: LIMITS,
    subject: findSubjectOnFirstMaster(),
    intervalMs: INTERVAL_MS,
    durationMs: DURATION_MS,
    disrupt: async () => {
      await lose();
      backAt = performance.now();
    },
    nextPauseMs: () => delays.pop() ?? DURATION_MS,
  });
  const all = answers.flat();
  const decided = all.filter(({ sentAt, source }) => sentAt > backAt && (source === 'redis' || source === 'local'));
  return {
    calls: all.length,
    over: LIMITS.map((limit, index) => countOver(answers[index] ?? [], limit)),
    repaired: nodes.reduce((sum, { failover }) => sum + failover.tally.hits, 0),
    recoveryMs: Math.min(...decided.map(({ completedAt }) => completedAt)) - backAt,
  };
}

/** Starts a cluster. Returns its first master and the replica of that. */
async function startCluster() {
  const { url, masters, replicas, stop } = await startRedisCluster();
  closeAfterTest(stop);
  const [master, replica] = [masters[0], replicas[0]];
  if (master === undefined || replica === undefined) throw new Error('cluster: must have a master and a replica');
  return { url, master, replica };
}

/** Cuts the replica off from its master, kills the master a second later, and waits for the promotion. */
async function promoteLate(master: RunningRedis, replica: RunningRedis): Promise<void> {
  // On a busy machine, the replica may have nothing yet.
  await waitForReplica(master.url);
  await stopReplication(master.url);
  await killMaster(master, replica);
}

/** Kills the master after a second, and waits for the promotion. */
async function killMaster(master: RunningRedis, replica: RunningRedis): Promise<void> {
  await sleep(LAG_MS);
  await master.stop();
  const client = new Redis(replica.url);
  await waitUntil(async () => String(await client.call('ROLE')).startsWith('master')).finally(() =>
    client.disconnect(),
  );
}

async function restartOld(redis: RunningRedis): Promise<void> {
  const snapshot = await takeSnapshot(redis.url);
  await sleep(LAG_MS);
  await redis.stop();
  const successor = await startRedisProcess({ port: redis.port, snapshot });
  closeAfterTest(successor.stop);
}

/** Finds a subject that the first of three masters of a cluster counts. */
function findSubjectOnFirstMaster(): string {
  let subject = randomUUID();
  while (computeTagSlot(computeVirtualTag(subject)) >= 16_384 / 3) subject = randomUUID();
  return subject;
}
