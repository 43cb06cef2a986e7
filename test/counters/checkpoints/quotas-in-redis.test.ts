import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningRedis } from '../../../provision/redis.ts';
import { CheckpointTable } from '../../../src/counters/checkpoints/checkpoint-table.ts';
import type { Counters } from '../../../src/counters/open-counters.ts';
import { VIRTUAL_TAG_COUNT } from '../../../src/counters/redis/batch/counter-key.ts';
import { type OwnConnection, openConnection } from '../../../src/database/open-connection.ts';
import { type Charge, StoreUnavailable } from '../../../src/decide/ports.ts';
import type { CountedLimit, StoreFailurePolicy } from '../../../src/domain/limits/limit.ts';
import { parseLimit } from '../../../src/domain/limits/parse-limit.ts';
import type { Query } from '../../../src/interfaces/query.ts';
import { newDatabase } from '../../support/databases.ts';
import { closeAfterEachTest, openTestCounters, startServer } from '../redis/open-test-counters.ts';

const counted = (spec: object): CountedLimit => {
  const limit = parseLimit({ requests: 100, ...spec });
  if (!('identity' in limit)) throw new Error(JSON.stringify(limit));
  return limit;
};
const day = (onStoreFailure?: StoreFailurePolicy) =>
  counted({
    name: 'day',
    algorithm: 'calendar',
    window: '1d',
    ...(onStoreFailure !== undefined && { onStoreFailure }),
  });
const DAY = day();
const TRIAL = counted({ name: 'trial', algorithm: 'credits' });
const MINUTE = counted({ name: 'minute', window: '60s' });
const SOON = { timeout: 10_000, interval: 20 };

describe('quotas with counters in Redis', () => {
  let connection: OwnConnection;
  closeAfterEachTest();
  beforeAll(async () => {
    connection = openConnection({ url: await newDatabase(), timeoutMs: 30_000 });
  });
  afterAll(() => connection.close());

  const open = async (redis: RunningRedis, query: Query = connection.query) => {
    const { counters } = await openTestCounters(redis, 1000, { checkpoints: { query, stopPatienceMs: 10_000 } });
    return counters;
  };
  /** A query that reads no pages of checkpoints before `release` is called, so that tags stay lost. */
  const holdPages = () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const query: Query = async (sql, parameters) => {
      if (sql.includes('order by id limit')) await released;
      return connection.query(sql, parameters);
    };
    return { query, release };
  };
  const openRestored = async (redis: RunningRedis, query: Query = connection.query) => {
    const counters = await open(redis, query);
    await expect.poll(() => counters.checkpoints.lostTags, SOON).toBe(0);
    return counters;
  };
  const decide = async ({ store }: Counters, ...charges: Charge[]) => {
    const [result] = await store.decide([{ charges }], undefined);
    return result ?? expect.fail();
  };
  const spend = async (counters: Counters, subject: string, limit: CountedLimit, hits: number) => {
    const result = await decide(counters, { subject, limit, hits });
    expect(result).toMatchObject({ granted: true, source: 'redis' });
  };
  const remaining = async (counters: Counters, subject: string, limit: CountedLimit) => {
    const result = await decide(counters, { subject, limit, hits: 0 });
    return result instanceof StoreUnavailable ? result.message : result.charges[0]?.remaining;
  };
  const flush = async ({ url }: RunningRedis) => {
    const client = new Redis(url);
    await client.flushall();
    client.disconnect();
  };

  it('are counted as they are restored, many tags at a time', async () => {
    const redis = await startServer();
    const today = Math.floor(Date.now() / 86_400_000) * 86_400_000_000;
    const fields = { identity: DAY.identity, periodStart: today, periodEnd: today + 86_400_000_000, refunded: 0 };
    await new CheckpointTable(connection.query).write(
      Array.from({ length: 300 }, (_, index) => {
        return { ...fields, subject: `account|many-${index}`, used: 1, observedAt: today + 1 };
      }),
    );
    const counters = await open(redis);
    await expect.poll(() => counters.checkpoints.lostTags, SOON).toBe(0);
    const [row] = await connection.query(
      'select count(*)::int as count from counter_checkpoint where period_end_time > now() and used <> 0',
      [],
    );
    expect({ count: counters.checkpoints.restores.restoredCounters }).toEqual(row);
  });

  it('are restored by a node that starts on an empty server, and nothing else is', async () => {
    const redis = await startServer();
    const before = await openRestored(redis);
    await spend(before, 'account|a', DAY, 90);
    await spend(before, 'account|a', MINUTE, 50);
    await spend(before, 'key|b', DAY, 1);
    await spend(before, 'key|b', TRIAL, 40);
    const addition = { kind: 'add_credits', credits: 500, requestId: undefined } as const;
    await before.store.correct([{ subject: 'key|c', limit: TRIAL, change: addition }]);
    await before.close();
    await flush(redis);
    const after = await openRestored(redis);
    expect(await remaining(after, 'account|a', DAY)).toBe(10);
    expect(await remaining(after, 'account|a', MINUTE)).toBe(100);
    expect(await remaining(after, 'key|b', DAY)).toBe(99);
    expect(await remaining(after, 'key|b', TRIAL)).toBe(60);
    expect(await remaining(after, 'key|c', TRIAL)).toBe(600);
    expect(await decide(after, { subject: 'account|a', limit: DAY, hits: 11 })).toMatchObject({ granted: false });
  });

  it('keep their use when the numbers of the limit change, but not beyond their period', async () => {
    const redis = await startServer();
    const before = await openRestored(redis);
    await spend(before, 'account|d', DAY, 60);
    await spend(before, 'account|ended', DAY, 60);
    await before.close();
    await connection.query(
      `update counter_checkpoint set period_start_time = period_start_time - interval '1 day',
         period_end_time = period_end_time - interval '1 day' where subject = 'account|ended'`,
      [],
    );
    await flush(redis);
    const after = await openRestored(redis);
    const raised = counted({ name: 'day', algorithm: 'calendar', window: '1d', requests: 1000 });
    expect(await remaining(after, 'account|d', raised)).toBe(940);
    expect(await remaining(after, 'account|ended', DAY)).toBe(100);
  });

  it('are restored by one node, whichever of those that start together', async () => {
    const redis = await startServer();
    const before = await openRestored(redis);
    await spend(before, 'account|e', DAY, 70);
    await before.close();
    await flush(redis);
    let reads = 0;
    const countReads: Query = (sql, parameters) => {
      if (sql.includes('order by id limit')) reads++;
      return connection.query(sql, parameters);
    };
    const nodes = await Promise.all([1, 2, 3].map(() => openRestored(redis, countReads)));
    for (const node of nodes) expect(await remaining(node, 'account|e', DAY)).toBe(30);
    expect(reads).toBe(VIRTUAL_TAG_COUNT);
    await openRestored(redis, countReads);
    expect(reads).toBe(VIRTUAL_TAG_COUNT);
  });

  it('follow on_store_failure while Postgres is away, and for 2 s at most, and are restored later', async () => {
    const redis = await startServer();
    const before = await openRestored(redis);
    await spend(before, 'account|f', DAY, 80);
    await before.close();
    await flush(redis);
    let isAway = true;
    const query: Query = (sql, parameters) =>
      isAway ? Promise.reject(new Error('Postgres is away')) : connection.query(sql, parameters);
    const node = await open(redis, query);
    const held = await decide(node, { subject: 'account|f', limit: day('deny'), hits: 1 });
    expect(held).toMatchObject({ name: 'StoreUnavailable', reason: 'restoring' });
    expect(await decide(node, { subject: 'account|f', limit: DAY, hits: 1 })).toMatchObject({ source: 'fail-local' });
    expect(await decide(node, { subject: 'account|f', limit: TRIAL, hits: 1 })).toMatchObject({ reason: 'restoring' });
    await spend(node, 'account|f', MINUTE, 1);
    await expect.poll(() => node.checkpoints.isRestored, SOON).toBe(true);
    await spend(node, 'account|f', TRIAL, 1);
    expect(node.checkpoints.lostTags).toBe(VIRTUAL_TAG_COUNT);
    isAway = false;
    await expect.poll(() => node.checkpoints.lostTags, SOON).toBe(0);
    expect(await remaining(node, 'account|f', DAY)).toBeLessThanOrEqual(20);
  });

  it('are restored first where decisions ask, on each node, and do not begin again because the rest takes long', async () => {
    const redis = await startServer();
    const before = await openRestored(redis);
    const limit = day('deny');
    for (const subject of ['account|i', 'account|j']) await spend(before, subject, limit, 80);
    await before.close();
    await flush(redis);
    const { query, release } = holdPages();
    const nodes = await Promise.all([1, 2].map(() => open(redis, query)));
    for (const node of nodes) {
      expect(await decide(node, { subject: 'account|i', limit, hits: 1 })).toMatchObject({ reason: 'restoring' });
      await expect.poll(() => remaining(node, 'account|i', limit), SOON).toBe(20);
    }
    for (const node of nodes) await expect.poll(() => node.checkpoints.isRestored, SOON).toBe(true);
    for (const node of nodes) {
      expect(node.checkpoints.lostTags).toBe(VIRTUAL_TAG_COUNT);
      expect(await decide(node, { subject: 'account|j', limit, hits: 1 })).toMatchObject({ reason: 'restoring' });
      await expect.poll(() => remaining(node, 'account|j', limit), SOON).toBe(20);
      const reset = { subject: 'account|j', limit, change: { kind: 'reset' } } as const;
      expect(await node.store.correct([reset])).toMatchObject([{ reason: 'restoring' }]);
    }
    release();
    for (const node of nodes) await expect.poll(() => node.checkpoints.lostTags, SOON).toBe(0);
    for (const node of nodes) expect(await remaining(node, 'account|j', limit)).toBe(20);
  });

  it('are restored again where they are lost again meanwhile', async () => {
    const redis = await startServer();
    const before = await openRestored(redis);
    const limit = day('deny');
    await spend(before, 'account|k', limit, 70);
    await before.close();
    await flush(redis);
    const { query, release } = holdPages();
    const node = await open(redis, query);
    await expect.poll(() => remaining(node, 'account|k', limit), SOON).toBe(30);
    await flush(redis);
    const askAndCount = async () => {
      await remaining(node, 'account|k', limit);
      return node.checkpoints.restores.restoredCounters;
    };
    await expect.poll(askAndCount, SOON).toBeGreaterThan(1);
    await expect.poll(() => remaining(node, 'account|k', limit), SOON).toBe(30);
    release();
    await expect.poll(() => node.checkpoints.lostTags, SOON).toBe(0);
    expect(await remaining(node, 'account|k', limit)).toBe(30);
  });

  it('are not brought back after an administrator has reset them, whatever another node writes later', async () => {
    const redis = await startServer();
    const [one, other] = [await openRestored(redis), await openRestored(redis)];
    await spend(other, 'account|g', DAY, 50);
    expect(await one.store.correct([{ subject: 'account|g', limit: DAY, change: { kind: 'reset' } }])).toEqual([
      undefined,
    ]);
    const read = 'select used::int from counter_checkpoint where subject = ?';
    expect(await connection.query(read, ['account|g'])).toEqual([{ used: 0 }]);
    await other.close();
    await one.close();
    expect(await connection.query(read, ['account|g'])).toEqual([{ used: 0 }]);
  });

  it('are lowered by refunds', async () => {
    const redis = await startServer();
    const before = await openRestored(redis);
    const charge = { subject: 'account|h', limit: DAY, hits: 40 };
    const outcome = await decide(before, charge);
    if (outcome instanceof StoreUnavailable) throw outcome;
    const countsUntil = outcome.charges[0]?.freeAt ?? 0;
    const receipt = {
      id: 'receipt-h',
      source: 'redis',
      expiresAt: countsUntil,
      granted: [{ charge, countsUntil }],
    } as const;
    expect(await before.store.refund([receipt])).toEqual([40]);
    await spend(before, 'account|h', DAY, 3);
    await before.close();
    await flush(redis);
    expect(await remaining(await openRestored(redis), 'account|h', DAY)).toBe(97);
  });
});
