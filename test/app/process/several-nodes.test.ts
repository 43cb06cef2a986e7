import { describe, expect } from 'vitest';
import { ApiKeyServiceService, DeleteApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { CounterServiceService, GetCounterRequest } from '../../../src/generated/weir/admin/v1/counter_service.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import { Plan, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { listServices } from '../../admin/server/reflection-client.ts';
import { check, httpStatus } from '../../support/clients/decision-calls.ts';
import { newEmptyDatabase } from '../../support/databases.ts';
import { test } from '../../support/fixtures.ts';
import { ADMINISTRATOR, type TestNode } from '../../support/node.ts';
import { waitUntil } from '../../support/wait-until.ts';

const UNIMPLEMENTED = 12;

/** The database is empty at first: two nodes that start together must not disturb each other's migrations. */
const it = test
  .override('databaseUrl', { scope: 'file' }, () => newEmptyDatabase())
  .override('redis', { scope: 'file' }, ({ ownRedis }) => ownRedis)
  .extend('pair', { scope: 'file' }, async ({ redis, startNode }) => {
    const environment = { REDIS_URL: redis.url };
    const pair = await Promise.all([startNode(environment), startNode(environment)]);
    for (const node of pair) await waitUntil(async () => (await node.fetch('/readyz')).ok);
    return pair;
  })
  .extend('first', { scope: 'file' }, ({ pair }) => pair[0])
  .extend('second', { scope: 'file' }, ({ pair }) => pair[1])
  .override('administrator', { scope: 'file' }, ({ first }) => first.signIn());

async function waitForStatus(node: TestNode, secret: string, expected: number): Promise<void> {
  const readStatus = async () => httpStatus(await check(node.decision, { 'x-api-key': secret }));
  await expect.poll(readStatus, { timeout: 20_000, interval: 20 }).toBe(expected);
}

async function readLiveNodes(node: TestNode): Promise<number> {
  return Number(/^weir_live_nodes (\d+)/m.exec(await node.metrics())?.[1]);
}

describe('two nodes on one Redis and one Postgres', () => {
  it('grant exactly the limit between them', async ({ first, second, administrator }) => {
    await first.createPlan(administrator, 'hundred', 100);
    const { secret } = await first.createKey(administrator, 'hundred');
    await expect.poll(async () => httpStatus(await check(second.decision, { 'x-api-key': secret }))).toBe(200);
    const checks = Array.from({ length: 300 }, (_, index) =>
      check((index % 2 === 0 ? first : second).decision, { 'x-api-key': secret }),
    );
    const statuses = (await Promise.all(checks)).map(httpStatus);
    // One more was granted while waiting until the second node knew the key.
    expect(statuses.filter((status) => status === 200)).toHaveLength(99);
    expect(statuses.filter((status) => status === 429)).toHaveLength(201);
  });

  it('learn each other’s changes: a new key, a changed plan, a deleted key', async ({
    first,
    second,
    administrator,
  }) => {
    await first.createPlan(administrator, 'changing', 1000);
    const { name, secret } = await first.createKey(administrator, 'changing');
    await waitForStatus(second, secret, 200);
    const limits = [Limit.create({ name: 'burst', requests: 1, window: '60s' })];
    const plan = Plan.create({ name: 'plans/changing', limits });
    await first.admin.call(PlanServiceService.updatePlan, { plan, updateMask: 'limits' }, administrator);
    await waitForStatus(second, secret, 429);
    const deletion = DeleteApiKeyRequest.fromPartial({ name });
    await first.admin.call(ApiKeyServiceService.deleteApiKey, deletion, administrator);
    await waitForStatus(second, secret, 401);
  });
});

describe('a node with the role decision', () => {
  it('decides from the catalog that other nodes write, answers reads, and names an admin node for changes', async ({
    first,
    administrator,
    redis,
    startNode,
  }) => {
    const { name, secret } = await first.createKey(administrator, 'free');
    const follower = await startNode({ REDIS_URL: redis.url, WEIR_ROLE: 'decision' });
    await expect.poll(async () => httpStatus(await check(follower.decision, { 'x-api-key': secret }))).toBe(200);
    const plans = await follower.admin.call(
      PlanServiceService.listPlans,
      { pageSize: 0, pageToken: '' },
      administrator,
    );
    expect(plans.plans.map(({ name }) => name)).toContain('plans/free');
    const subject = { subject: { $case: 'apiKey' as const, value: name } };
    const request = GetCounterRequest.fromPartial({ subject, limit: 'minute' });
    const { limits } = await follower.admin.call(CounterServiceService.getCounter, request, administrator);
    expect(limits.map(({ limit }) => limit?.name)).toEqual(['minute']);
    for (const failing of [
      follower.admin.callAndFail(
        ApiKeyServiceService.deleteApiKey,
        DeleteApiKeyRequest.create({ name }),
        administrator,
      ),
      follower.admin.callAndFail(AuthServiceService.login, ADMINISTRATOR),
    ]) {
      const { code, details } = await failing;
      expect([code, details]).toEqual([UNIMPLEMENTED, 'this node has the role decision: ask an admin node']);
    }
    const services = await listServices(`127.0.0.1:${follower.app.ports.admin}`);
    expect(services).toContain('weir.admin.v1.PlanService');
    expect(services).not.toContain('weir.admin.v1.AuthService');
  });
});

describe('a node with the role admin', () => {
  it('is not among the nodes that share a limit, and knows how many there are', async ({ pair, redis, startNode }) => {
    const admin = await startNode({ REDIS_URL: redis.url, WEIR_ROLE: 'admin' });
    const decidingNodes = pair.length + 1; // with the follower of the test above
    await expect.poll(() => readLiveNodes(admin), { timeout: 20_000 }).toBe(decidingNodes);
    const counts = await Promise.all(pair.map(readLiveNodes));
    for (const count of counts) expect(count).toBeLessThanOrEqual(decidingNodes);
  });
});

describe('without Redis', () => {
  // The last test of the file, because Redis does not start again.
  it('each node enforces its share of the limits and reports the source fail-local', async ({
    first,
    second,
    administrator,
    redis,
  }) => {
    await first.createPlan(administrator, 'shared', 12, 'local');
    const { secret } = await first.createKey(administrator, 'shared');
    await waitForStatus(second, secret, 200);
    await expect.poll(() => readLiveNodes(second), { timeout: 20_000 }).toBeGreaterThan(1);
    await redis.stop();
    const ask = () => check(second.decision, { 'x-api-key': secret });
    await expect.poll(async () => (await ask()).dynamicMetadata?.source).toBe('fail-local');
    // Redis has counted the one that was granted while waiting until the node knew the key.
    const share = Math.floor(11 / (await readLiveNodes(second)));
    const granted = await Promise.all(Array.from({ length: 20 }, ask));
    // One more was granted while waiting until the node noticed.
    expect(granted.filter((response) => httpStatus(response) === 200)).toHaveLength(share - 1);
    expect(granted.map(({ dynamicMetadata }) => dynamicMetadata?.source)).toEqual(Array(20).fill('fail-local'));
    expect(await second.metrics()).toMatch(
      /^weir_decisions_total\{question="check",verdict="rate_limited",source="fail-local"\} [1-9]/m,
    );
  });
});
