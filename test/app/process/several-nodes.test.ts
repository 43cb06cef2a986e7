import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningRedis, startRedis } from '../../../provision/redis.ts';
import { ApiKeyServiceService, DeleteApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import { Plan, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { newDatabase } from '../../support/databases.ts';
import { check, httpStatus } from '../../support/decision-calls.ts';
import type { Headers } from '../../support/grpc-client.ts';
import { TestNode } from '../../support/node.ts';

const UNIMPLEMENTED = 12;
const WITHIN_MS = 1000;

let redis: RunningRedis;
let shared: Record<string, string>;
let first: TestNode;
let second: TestNode;
let administrator: Headers;

beforeAll(async () => {
  redis = await startRedis();
  shared = { DATABASE_URL: await newDatabase(), REDIS_URL: redis.url };
  // Both at once: they must not trip over each other's migrations.
  [first, second] = await Promise.all([TestNode.start(shared), TestNode.start(shared)]);
  await Promise.all([untilReady(first), untilReady(second)]);
  administrator = await first.signIn();
});
afterAll(async () => {
  await first?.stop();
  await second?.stop();
  await redis?.stop();
});

async function untilReady(node: TestNode): Promise<void> {
  while (!(await fetch(`http://127.0.0.1:${node.app.ports.http}/readyz`)).ok) await sleep(20);
}

async function statusWithin(node: TestNode, secret: string, expected: number): Promise<number | undefined> {
  const latest = performance.now() + WITHIN_MS;
  let status: number | undefined;
  while (performance.now() < latest) {
    status = httpStatus(await check(node.decision, { 'x-api-key': secret }));
    if (status === expected) break;
    await sleep(20);
  }
  return status;
}

describe('two nodes on one Redis and one Postgres', () => {
  it('grant exactly the limit between them', async () => {
    await first.createPlan(administrator, 'hundred', 100);
    const { secret } = await first.createKey(administrator, 'hundred');
    await expect.poll(async () => httpStatus(await check(second.decision, { 'x-api-key': secret }))).toBe(200);
    const asked = Array.from({ length: 300 }, (_, index) =>
      check((index % 2 === 0 ? first : second).decision, { 'x-api-key': secret }),
    );
    const statuses = (await Promise.all(asked)).map(httpStatus);
    // One more was granted while waiting for the second node to know the key.
    expect(statuses.filter((status) => status === 200)).toHaveLength(99);
    expect(statuses.filter((status) => status === 429)).toHaveLength(201);
  });

  it('each know within a second what was changed at the other: a key made, its plan changed, the key deleted', async () => {
    await first.createPlan(administrator, 'changing', 1000);
    const { name, secret } = await first.createKey(administrator, 'changing');
    expect(await statusWithin(second, secret, 200)).toBe(200);
    const limits = [Limit.create({ name: 'burst', requests: 1, window: '60s' })];
    const plan = Plan.create({ name: 'plans/changing', limits });
    await first.admin.call(PlanServiceService.updatePlan, { plan, updateMask: 'limits' }, administrator);
    expect(await statusWithin(second, secret, 429)).toBe(429);
    const deletion = DeleteApiKeyRequest.fromPartial({ name });
    await first.admin.call(ApiKeyServiceService.deleteApiKey, deletion, administrator);
    expect(await statusWithin(second, secret, 401)).toBe(401);
  });
});

describe('a node in the role decision', () => {
  it('decides from the catalog that others write, and has no services that change it', async () => {
    const { secret } = await first.createKey(administrator, 'free');
    const follower = await TestNode.start({ ...shared, WEIR_ROLE: 'decision' });
    try {
      await expect.poll(async () => httpStatus(await check(follower.decision, { 'x-api-key': secret }))).toBe(200);
      const request = { pageSize: 0, pageToken: '' };
      const error = await follower.admin.callAndFail(PlanServiceService.listPlans, request, administrator);
      expect(error.code).toBe(UNIMPLEMENTED);
    } finally {
      await follower.stop();
    }
  });
});

describe('while Redis is away', () => {
  // Last: it is not started again.
  it('each node goes on with its share of the limits, and tells so', async () => {
    const metricsOf = async (node: TestNode) => (await fetch(`http://127.0.0.1:${node.app.ports.http}/metrics`)).text();
    const liveNodes = async (node: TestNode) => Number(/^weir_live_nodes (\d+)/m.exec(await metricsOf(node))?.[1]);
    await first.createPlan(administrator, 'shared', 12, 'local');
    const { secret } = await first.createKey(administrator, 'shared');
    expect(await statusWithin(second, secret, 200)).toBe(200);
    await expect.poll(() => liveNodes(second), { timeout: 20_000 }).toBeGreaterThan(1);
    await redis.stop();
    const ask = () => check(second.decision, { 'x-api-key': secret });
    await expect.poll(async () => (await ask()).dynamicMetadata?.source).toBe('fail-local');
    const share = Math.floor(12 / (await liveNodes(second)));
    const granted = await Promise.all(Array.from({ length: 20 }, ask));
    // One more was granted while waiting for the node to notice.
    expect(granted.filter((response) => httpStatus(response) === 200)).toHaveLength(share - 1);
    expect(granted.map(({ dynamicMetadata }) => dynamicMetadata?.source)).toEqual(Array(20).fill('fail-local'));
    expect(await metricsOf(second)).toMatch(
      /^weir_decisions_total\{question="check",verdict="rate_limited",source="fail-local"\} [1-9]/m,
    );
  });
});
