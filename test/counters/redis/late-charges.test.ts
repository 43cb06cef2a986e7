import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { useRedis } from '../../../provision/redis.ts';
import type { LateCharge } from '../../../src/counters/redis/batch/late-batch.ts';
import type { RedisStore } from '../../../src/counters/redis/redis-store.ts';
import type { Receipt } from '../../../src/decide/ports.ts';
import type { CountedLimit } from '../../../src/domain/limits/limit.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeCalendarLimit, makeCharge, makeCredits, makeLimit } from '../model/builders.ts';
import { decideAll, openAnsweringStore } from './open-test-store.ts';

const tokenBucket = { algorithm: 'token_bucket' } as const;

let store: RedisStore;

let redis: Awaited<ReturnType<typeof useRedis>>;

beforeAll(async () => {
  redis = await useRedis();
  ({ store } = await openAnsweringStore(redis, [{ charges: [makeCharge('key', makeLimit(1, '1h'), 0)] }]));
  return async () => {
    await store.close();
    await redis.stop();
  };
});

function makeLateCharge(hits: number, limit: CountedLimit): LateCharge {
  return { id: `late-${randomUUID()}`, subject: randomUUID(), limit, hits };
}

/** Charges one hit, so that the store says what is left. */
async function remaining({ subject, limit }: LateCharge): Promise<number | undefined> {
  const [outcome] = await decideAll(store, [{ charges: [makeCharge(subject, limit, 0)] }]);
  return outcome?.charges[0]?.remaining;
}

function makeReceipt({ id, subject, limit }: LateCharge, hits: number): Receipt {
  const countsUntil = Number.MAX_SAFE_INTEGER / 2;
  const granted = [{ charge: makeCharge(subject, limit, hits), countsUntil, lateChargeId: id }];
  return { id: randomUUID(), source: 'fail-local', expiresAt: Date.now() * 1000 + 60_000_000, granted };
}

describe.each<readonly [string, CountedLimit]>([
  ['a sliding window with exact times', makeLimit(40, '1h')],
  ['a sliding window with sub-buckets', makeLimit(100, '1h')],
  ['a fixed window', makeLimit(40, '1h', { algorithm: 'fixed_window' })],
  ['a token bucket', makeLimit(40, '10000h', tokenBucket)],
  ['a calendar', makeCalendarLimit(40, 'year')],
  ['slots', makeLimit(40, '1h', { algorithm: 'concurrency' })],
  ['credits', makeCredits(40)],
])('a late charge on %s', (_, limit) => {
  it('counts once, however often it is sent, and into debt', async () => {
    const late = makeLateCharge(30, limit);
    const left = limit.requests - 30;
    expect(await store.chargeLate([late, late])).toMatchObject([{ available: left }, { available: left }]);
    expect(await store.chargeLate([late])).toMatchObject([{ available: left }]);
    expect(await store.chargeLate([{ ...late, id: randomUUID(), hits: left + 5 }])).toMatchObject([{ available: -5 }]);
    expect(await remaining(late)).toBe(0);
  });

  it('can be refunded, before it comes and afterwards, by each receipt once', async () => {
    const late = makeLateCharge(30, limit);
    const early = makeReceipt(late, 4);
    expect(await store.refund([early])).toEqual([4]);
    expect(await store.refund([early])).toEqual([undefined]);
    expect(await store.chargeLate([late])).toMatchObject([{ available: limit.requests - 26 }]);
    const [first, second] = [makeReceipt(late, 5), makeReceipt(late, 6)];
    await store.refund([first, second]);
    await store.refund([second]);
    expect(await remaining(late)).toBe(limit.requests - 15);
  });
});

it.each([
  ['exact times', makeLimit(40, '1h')],
  ['sub-buckets', makeLimit(100, '1h')],
])('a late charge on a window with %s can say when its hits end, and is refunded all the same', async (_, limit) => {
  const late = { ...makeLateCharge(30, limit), hitEnd: Date.now() * 1000 + 60_000_001 };
  const [state] = await store.chargeLate([late]);
  const resetAfter = state !== undefined && 'resetAfter' in state ? state.resetAfter : 0;
  expect(resetAfter).toBeGreaterThan(55_000_000);
  expect(resetAfter).toBeLessThanOrEqual(60_000_001 + (limit.requests > 64 ? 3600e6 / 16 : 0));
  expect(await store.refund([makeReceipt(late, 10)])).toEqual([10]);
  expect(await remaining(late)).toBe(limit.requests - 20);
});

it('late charges of one counter end one after the other, and a receipt frees hits of its own', async () => {
  const first = { ...makeLateCharge(10, makeLimit(40, '1h')), hitEnd: Date.now() * 1000 + 400_000 };
  const second = { ...first, id: `late-${randomUUID()}`, hits: 20, hitEnd: first.hitEnd + 60_000_000 };
  expect(await store.chargeLate([second, first])).toMatchObject([{ available: 20 }, { available: 10 }]);
  expect(await store.refund([makeReceipt(first, 4)])).toEqual([4]);
  await waitUntil(async () => (await remaining(first)) !== 14);
  expect(await remaining(first)).toBe(20);
  expect(await store.refund([makeReceipt(first, 4), makeReceipt(second, 4)])).toEqual([0, 4]);
});

it.each([
  ['a window', makeLimit(40, '1h')],
  ['slots', makeLimit(40, '1h', { algorithm: 'concurrency' })],
])('a late charge on %s keeps its hits when a receipt for hits that had ended before comes', async (_, limit) => {
  const late = makeLateCharge(2, limit);
  const makeEnded = () => {
    const { granted, ...receipt } = makeReceipt(late, 1);
    return { ...receipt, granted: granted.map((each) => ({ ...each, countsUntil: Date.now() * 1000 - 1_000_000 })) };
  };
  expect(await store.refund([makeEnded()])).toEqual([0]);
  expect(await store.chargeLate([late])).toMatchObject([{ available: 38 }]);
  expect(await store.refund([makeEnded()])).toEqual([0]);
  expect(await remaining(late)).toBe(38);
});

it('late charges on many counters are made in one call or few, each on its counter', async () => {
  const limit = makeLimit(100, '1h');
  const late = Array.from({ length: 300 }, (_, index) => makeLateCharge(index + 1, limit));
  const states = await store.chargeLate(late);
  expect(states.map((state) => ('available' in state ? 100 - state.available : state.name))).toEqual(
    late.map(({ hits }) => hits),
  );
});

it('a late charge is remembered while its hits count, for at least two minutes and at most an hour', async () => {
  const client = new Redis(redis.url);
  const secondsFor = async (window: string) => {
    const late = makeLateCharge(1, makeLimit(40, window));
    await store.chargeLate([late]);
    const [key = ''] = await client.keys(`*${late.id}`);
    return client.ttl(key);
  };
  const lives = [await secondsFor('1s'), await secondsFor('10m'), await secondsFor('10h')];
  client.disconnect();
  for (const [index, seconds] of [120, 600, 3600].entries()) {
    expect(lives[index]).toBeGreaterThan(seconds - 60);
    expect(lives[index]).toBeLessThanOrEqual(seconds);
  }
});

it('goes ahead of the decision behind it, although the server has lost its script', async () => {
  const late = makeLateCharge(5, makeLimit(5, '1h'));
  const client = new Redis(redis.url);
  await client.script('FLUSH');
  client.disconnect();
  await remaining(makeLateCharge(1, late.limit)); // brings back the script of decisions
  const charging = store.chargeLate([late]);
  const [outcome] = await decideAll(store, [{ charges: [makeCharge(late.subject, late.limit, 1)] }]);
  await charging;
  expect(outcome?.granted).toBe(false);
});
