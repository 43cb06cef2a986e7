import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningRedis, startRedisProcess } from '../../../provision/redis.ts';
import {
  RateLimitRequest,
  type RateLimitResponse,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { newDatabase } from '../../support/databases.ts';
import { type Environment, TestNode } from '../../support/node.ts';

const RULES = `domain: shop
descriptors: [{key: user, rate_limit: {requests: 10, window: 1h}}]
`;
/** Longer than the default deadline of these nodes, and much shorter than that of the test's calls. */
const PAUSE_MS = 500;

const resources = new AsyncDisposableStack();
let redis: RunningRedis;
let rulesPath: string;
beforeAll(async () => {
  redis = await startRedisProcess();
  resources.defer(() => redis.stop());
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-store-wait-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  rulesPath = path.join(folder, 'rules.yaml');
  await writeFile(rulesPath, RULES);
}, 600_000);
afterAll(() => resources.disposeAsync());

async function startNode(environment: Environment): Promise<TestNode> {
  const common = { DATABASE_URL: await newDatabase(), REDIS_URL: redis.url, RULES_PATH: rulesPath };
  const node = await TestNode.start({ ...common, REDIS_DEADLINE_MS: '50', ...environment });
  resources.defer(() => node.stop());
  return node;
}

/** Makes a call, whose deadline is in 30 s, while Redis is paused. */
async function callDuringPause(node: TestNode, user: string): Promise<RateLimitResponse> {
  const entries = [{ key: 'user', value: user }];
  const request = RateLimitRequest.fromPartial({ domain: 'shop', descriptors: [{ entries }] });
  if (redis.pid === undefined) throw new Error('redis.pid: must be known');
  process.kill(redis.pid, 'SIGSTOP');
  const called = node.decision.call(RateLimitServiceService.shouldRateLimit, request);
  await sleep(PAUSE_MS);
  process.kill(redis.pid, 'SIGCONT');
  return called;
}

function readMetric(metrics: string, name: string): number {
  return Number(
    metrics
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1] ?? 0,
  );
}

it('a call with a long deadline waits for the counters for up to REDIS_MAX_DEADLINE_MS', async () => {
  const node = await startNode({ REDIS_MAX_DEADLINE_MS: '9999' });
  expect((await callDuringPause(node, 'ann')).statuses[0]?.limitRemaining).toBe(9);
  const metrics = await node.metrics();
  expect(readMetric(metrics, 'weir_decisions_total{question="rate_limit",verdict="ok",source="redis"}')).toBe(1);
  expect(readMetric(metrics, 'weir_counters_missed_total{reason="deadline"}')).toBe(0);
});

it('the metrics say that a call was late before Redis executed it', async () => {
  const node = await startNode({ REDIS_MAX_DEADLINE_MS: '50' });
  await callDuringPause(node, 'ben');
  const count = async (name: string) => readMetric(await node.metrics(), name);
  await expect.poll(() => count('weir_counters_missed_total{reason="deadline"}')).toBe(1);
  await expect.poll(() => count('weir_late_replies_total{part="request"}')).toBeGreaterThan(0);
});
