import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedis } from '../../../provision/redis.ts';
import { RedisStore } from '../../../src/counters/redis/redis-store.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeCharge, makeLimit } from '../model/builders.ts';

let redis: Awaited<ReturnType<typeof startRedis>>;
let store: RedisStore;
beforeAll(async () => {
  redis = await startRedis();
  const logger = { info: () => {}, warn: () => {} };
  store = new RedisStore({ url: redis.url, logger, deadlineMs: 5000 });
  await waitUntil(() => store.ready);
});
afterAll(async () => {
  await store.close();
  await redis.stop();
});

it('an empty server has no counters', async () => {
  expect(await store.sampleFill()).toEqual({ ratio: undefined, evicted: 0, byRule: [] });
});

it('a sample of the keys estimates the counters of each rule, whatever the values that clients send', async () => {
  const limit = makeLimit(5, '1h');
  const subjects = [
    ...Array.from({ length: 900 }, (_, index) => `rule|edge|device|made-up ${index} ${'x'.repeat(300)}`),
    ...Array.from({ length: 300 }, (_, index) => `rule|edge|route|login|remote_address|192.0.2.${index}`),
    ...Array.from({ length: 300 }, (_, index) => `key|k${index}`),
  ];
  await store.decide(
    subjects.map((subject) => ({ charges: [makeCharge(subject, limit, 1)] })),
    undefined,
  );
  const { byRule } = await store.sampleFill();
  const estimates = new Map(byRule.map(({ rule, counters }) => [rule, counters]));
  expect([...estimates.keys()].sort()).toEqual(['catalog', 'edge.device', 'edge.route.remote_address']);
  // 200 keys out of 1,500: six standard deviations are 300.
  expect(Math.abs((estimates.get('edge.device') ?? 0) - 900)).toBeLessThan(350);
  expect(Math.abs((estimates.get('catalog') ?? 0) - 300)).toBeLessThan(300);
});
