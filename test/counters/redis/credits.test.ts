import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedis } from '../../../provision/redis.ts';
import { createReceipt } from '../../../src/decide/receipts/receipt.ts';
import { makeCharge, makeCredits, makeLimit } from '../model/builders.ts';
import { decideAll, type OpenedStore, openAnsweringStore } from './open-test-store.ts';

const ten = makeCredits(10);
const minute = makeLimit(1000, '60s');

let redis: Awaited<ReturnType<typeof startRedis>>;
let client: Redis;
let opened: OpenedStore;
beforeAll(async () => {
  redis = await startRedis();
  client = new Redis(redis.url);
  opened = await openAnsweringStore({ url: redis.url }, [{ charges: [makeCharge('peek', ten, 0)] }]);
});
afterAll(async () => {
  await opened.store.close();
  client.disconnect();
  await redis.stop();
});

async function findKey(subject: string): Promise<string | undefined> {
  return (await client.keys('weir:1:*')).find((key) => key.endsWith(`}:${subject}`));
}

it('keeps spent credits in a key without an expiry, also next to limits with a window', async () => {
  for (let time = 0; time < 3; time++) {
    const charges = [makeCharge('spent', ten), makeCharge('spent', minute)];
    await decideAll(opened.store, [{ charges }]);
    await decideAll(opened.store, [{ charges: [makeCharge('spent', minute)] }]);
  }
  expect(await client.ttl((await findKey('spent')) ?? '')).toBe(-1);
  const [outcome] = await decideAll(opened.store, [{ charges: [makeCharge('spent', ten, 0)] }]);
  expect(outcome?.charges).toMatchObject([{ remaining: 7 }]);
});

it('removes the key when all credits are given back', async () => {
  const charges = [makeCharge('refunded', ten, 4)];
  const [outcome] = await decideAll(opened.store, [{ charges }]);
  if (outcome === undefined) throw new Error('no outcome');
  expect(await findKey('refunded')).toBeDefined();
  expect(await opened.store.refund([createReceipt('receipt', charges, outcome)])).toEqual([4]);
  expect(await findKey('refunded')).toBeUndefined();
});

it('keeps credits where a policy evicts keys with an expiry', async () => {
  await decideAll(opened.store, [{ charges: [makeCharge('kept', ten, 10)] }]);
  const used = /used_memory:(\d+)/.exec(await client.info('memory'))?.[1] ?? '0';
  await client.config('SET', 'maxmemory-policy', 'volatile-ttl');
  await client.config('SET', 'maxmemory', String(Number(used) + 2_000_000));
  for (let i = 0; i < 100; i++) await client.set(`filler:${i}`, 'x'.repeat(100_000), 'EX', 10_000_000_000);
  await client.config('SET', 'maxmemory', '0');
  expect((await client.keys('filler:*')).length).toBeLessThan(100);
  const [outcome] = await decideAll(opened.store, [{ charges: [makeCharge('kept', ten)] }]);
  expect(outcome).toMatchObject({ granted: false });
});

it('adds credits once per request id, remembered for a week', async () => {
  const change = { kind: 'add_credits', credits: 5, requestId: 'evt_1' } as const;
  for (let time = 0; time < 2; time++) await opened.store.correct([{ subject: 'added', limit: ten, change }]);
  const [outcome] = await decideAll(opened.store, [{ charges: [makeCharge('added', ten, 0)] }]);
  expect(outcome?.charges).toMatchObject([{ remaining: 15 }]);
  const [mark] = await client.keys('weir:1:*given-back|credits|evt_1|*');
  const ttl = await client.ttl(mark ?? '');
  expect(ttl).toBeGreaterThan(6 * 86_400);
  expect(ttl).toBeLessThanOrEqual(7 * 86_400);
});
