import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { type RunningRedis, startRedisProcess } from '../../../provision/redis.ts';
import { startRedisSentinels } from '../../../provision/redis-sentinel.ts';
import type { Counters } from '../../../src/counters/open-counters.ts';
import type { CountersLost, CountersLostListener } from '../../../src/counters/redis/failover/counters-lost.ts';
import { type Decision, StoreUnavailable } from '../../../src/decide/ports.ts';
import { createReceipt } from '../../../src/decide/receipts/receipt.ts';
import type { CountedLimit } from '../../../src/domain/limits/limit.ts';
import { stopReplication, takeSnapshot, waitForReplica } from '../../support/old-history.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeCalendarLimit, makeCharge, makeLimit } from '../model/builders.ts';
import { closeAfterEachTest, closeAfterTest, openTestCounters } from './open-test-counters.ts';

closeAfterEachTest();

const SMALL = makeLimit(40, '1h', { name: 'small' });
const LARGE = makeLimit(100, '1h', { name: 'large' });
const SLOTS = makeLimit(40, '1h', { name: 'slots', algorithm: 'concurrency' });
const LIMITS: readonly CountedLimit[] = [
  SMALL,
  LARGE,
  SLOTS,
  makeLimit(40, '1h', { name: 'fixed', algorithm: 'fixed_window' }),
  makeLimit(40, '1h', { name: 'bucket', algorithm: 'token_bucket' }),
  makeLimit(40, '1h', { name: 'penalty', chargeRejected: true }),
  makeCalendarLimit(40, 'year'),
];

interface Ask {
  readonly granted: number;
  readonly sources: ReadonlySet<string>;
}

/** Makes `count` decisions of one hit each, in one batch. */
async function ask({ store }: Counters, limit: CountedLimit, count: number): Promise<Ask> {
  const decision: Decision = { charges: [makeCharge('key', limit)] };
  const results = await store.decide(
    Array.from({ length: count }, () => decision),
    undefined,
  );
  const sources = results.map((result) => (result instanceof StoreUnavailable ? result.reason : result.source));
  const granted = results.filter((result) => !(result instanceof StoreUnavailable) && result.granted).length;
  return { granted, sources: new Set(sources) };
}

async function openNodes(redis: { readonly url: string }, count: number, onCountersLost?: CountersLostListener) {
  const opened = await Promise.all(
    Array.from({ length: count }, () => openTestCounters(redis, undefined, { onCountersLost })),
  );
  await waitUntil(() => opened.every(({ nodes }) => nodes.at(-1) === count));
  return opened.map(({ counters }) => counters);
}

async function start(): Promise<RunningRedis> {
  const redis = await startRedisProcess();
  closeAfterTest(redis.stop);
  return redis;
}

/** Replaces a server by one on the same port, with the data of a snapshot. */
async function replace(redis: RunningRedis, snapshot?: Uint8Array): Promise<RunningRedis> {
  await redis.stop();
  const successor = await startRedisProcess({ port: redis.port, ...(snapshot && { snapshot }) });
  closeAfterTest(successor.stop);
  return successor;
}

/** Resolves once Redis decides on a counter again on all nodes. */
async function waitForRedis(nodes: readonly Counters[]): Promise<void> {
  for (const node of nodes) {
    await waitUntil(async () =>
      (await ask(node, makeLimit(1_000_000, '1h', { name: 'probe' }), 1)).sources.has('redis'),
    );
  }
}

describe('two nodes whose Redis has lost the newest grants', () => {
  it('grant exactly the limit of each algorithm after a restart from an old snapshot', async () => {
    const redis = await start();
    const nodes = await openNodes(redis, 2);
    const granted = new Map<CountedLimit, number>();
    const askAll = async (count: number) => {
      for (const limit of LIMITS) {
        for (const node of nodes) {
          granted.set(limit, (granted.get(limit) ?? 0) + (await ask(node, limit, count)).granted);
        }
      }
    };
    await askAll(5);
    const snapshot = await takeSnapshot(redis.url);
    await sleep(120); // a node charges its hits of 100 ms again as a whole
    await askAll(10);
    await replace(redis, snapshot);
    await waitForRedis(nodes);
    await askAll(200);
    expect([...granted.values()]).toEqual(LIMITS.map(({ requests }) => requests));
  });

  it('grant no more than the limit after Sentinels have promoted a replica that lags behind', async () => {
    const sentinels = await startRedisSentinels();
    closeAfterTest(sentinels.stop);
    const nodes = await openNodes(sentinels, 2);
    const limit = LARGE;
    let granted = 0;
    for (const node of nodes) granted += (await ask(node, limit, 5)).granted;
    await waitForReplica(sentinels.master.url);
    await stopReplication(sentinels.master.url);
    await sleep(120); // a node charges its hits of 100 ms again as a whole
    for (const node of nodes) granted += (await ask(node, limit, 20)).granted;
    await sentinels.master.stop();
    await waitForRedis(nodes);
    for (const node of nodes) granted += (await ask(node, limit, 200)).granted;
    expect(granted).toBe(limit.requests);
    expect(nodes.map(({ failover }) => failover.tally.losses.shorter)).toEqual([1, 1]);
    expect(nodes.map(({ failover }) => failover.tally.hits)).toEqual([20, 20]);
  });

  it('grant no more than the limit if it takes longer to replace Redis than they remember', async () => {
    const redis = await start();
    const opened = await Promise.all([1, 2].map(() => openTestCounters(redis, undefined, { redisHistoryMs: 1000 })));
    const nodes = opened.map(({ counters }) => counters);
    await waitUntil(() => opened.every(({ nodes: counts }) => counts.at(-1) === 2));
    const snapshot = await takeSnapshot(redis.url);
    let granted = 0;
    for (let turn = 0; turn < 4; turn++) {
      for (const node of nodes) granted += (await ask(node, LARGE, 5)).granted;
      await sleep(200);
    }
    await redis.stop();
    await sleep(2000);
    await replace(redis, snapshot);
    await waitForRedis(nodes);
    for (const node of nodes) granted += (await ask(node, LARGE, 200)).granted;
    expect(granted).toBe(LARGE.requests);
  });

  it('let a node that starts after the failover wait until they have charged what was lost', async () => {
    const redis = await start();
    const client = new Redis(redis.url);
    await client.call('ACL', 'SETUSER', 'late', 'on', '>secret', '~*', '&*', '+@all');
    client.disconnect();
    const url = redis.url.replace('redis://', 'redis://late:secret@');
    const { counters: node, nodes: counts } = await openTestCounters({ url });
    await waitUntil(() => counts.at(-1) === 1);
    const snapshot = await takeSnapshot(redis.url);
    expect((await ask(node, LARGE, 80)).granted).toBe(80);
    // The successor does not know the user of the first node, so that this one is late.
    await replace(redis, snapshot);
    const { counters: started } = await openTestCounters(redis);
    expect((await ask(started, LARGE, 100)).granted).toBe(0);
  });

  it('can refund grants from before the loss, and leave grants refunded whose refund was lost', async () => {
    const redis = await start();
    const [node] = await openNodes(redis, 1);
    if (node === undefined) throw new Error('nodes: must be one');
    const charges = [makeCharge('key', SLOTS, 1)];
    const take = async () => {
      const [outcome] = await node.store.decide([{ charges }], undefined);
      if (outcome === undefined || outcome instanceof StoreUnavailable) throw new Error('outcome: must be a decision');
      return createReceipt(`receipt-${Math.random()}`, charges, outcome);
    };
    const [kept, refunded] = [await take(), await take()];
    const snapshot = await takeSnapshot(redis.url);
    const lost = await take();
    await sleep(120); // what is refunded in the same 100 ms as something that was not lost stays charged
    expect(await node.store.refund([refunded])).toEqual([1]);
    await replace(redis, snapshot);
    await waitForRedis([node]);
    expect(await node.store.refund([kept, lost, refunded])).toEqual([1, 1, 0]);
    expect((await ask(node, SLOTS, 200)).granted).toBe(40);
  });
});

describe('nodes whose Redis has come back empty', () => {
  it('learn it once with the same id, and do not use it before the repair is done', async () => {
    const redis = await start();
    const losses: CountersLost[] = [];
    const finish: (() => void)[] = [];
    const listener: CountersLostListener = (loss) => {
      if (!loss.wasSeen) return undefined;
      losses.push(loss);
      return new Promise((resolve) => {
        finish.push(resolve);
      });
    };
    const nodes = await openNodes(redis, 2, listener);
    const [one] = nodes;
    if (one === undefined) throw new Error('nodes: must be two');
    expect(await ask(one, LARGE, 30)).toEqual({ granted: 30, sources: new Set(['redis']) });
    await replace(redis);
    await waitUntil(() => losses.length === 2);
    expect(losses[0]).toEqual(losses[1]);
    expect(losses[0]).toMatchObject({ kind: 'empty', tags: Array.from({ length: 64 }, (_, tag) => tag) });
    expect((await ask(one, LARGE, 1)).sources).toEqual(new Set(['fail-local']));
    for (const each of finish) each();
    const peek = { charges: [makeCharge('key', LARGE, 0)] };
    await expect
      .poll(async () => (await one.store.decide([peek], undefined))[0])
      .toMatchObject({ source: 'redis', charges: [{ remaining: 69 }] });
  });

  it('learn it from the next decision if the connection stays, and grant nothing by it', async () => {
    const redis = await start();
    const [node] = await openNodes(redis, 1);
    if (node === undefined) throw new Error('nodes: must be one');
    expect((await ask(node, SMALL, 40)).granted).toBe(40);
    const client = new Redis(redis.url);
    await client.flushall().finally(() => client.disconnect());
    await sleep(300); // the node repeats rejections for 250 ms without Redis
    expect(await ask(node, SMALL, 40)).toEqual({ granted: 0, sources: new Set(['fail-local']) });
    await waitForRedis([node]);
    expect((await ask(node, SMALL, 40)).granted).toBe(0);
  });
});
