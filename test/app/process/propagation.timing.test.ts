import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { RateLimitResponse_Code as Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { AccountServiceService, BlockAccountRequest } from '../../../src/generated/weir/admin/v1/account_service.ts';
import { ApiKeyServiceService, DeleteApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { BlockCounterRequest, CounterServiceService } from '../../../src/generated/weir/admin/v1/counter_service.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import { Plan, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { check, httpStatus, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';
import { waitUntil } from '../../support/wait-until.ts';

const WITHIN_MS = 1000;
const RULES = `domain: shop
descriptors:
  - {key: hot, rate_limit: {requests: 100000, window: 1h, lease: true}}
`;

const it = test
  .override('rules', RULES)
  .extend('second', { scope: 'file' }, ({ redis, startNode }) => startNode({ REDIS_URL: redis.url }));
it.beforeAll(async ({ redisNode, second }) => {
  for (const node of [redisNode, second]) await waitUntil(async () => (await node.fetch('/readyz')).ok);
});

/** Waits for the status, for a second at most. Returns the last one. */
async function pollStatus(node: TestNode, secret: string, expected: number): Promise<number | undefined> {
  const deadline = performance.now() + WITHIN_MS;
  let status: number | undefined;
  while (performance.now() < deadline) {
    status = httpStatus(await check(node.decision, { 'x-api-key': secret }));
    if (status === expected) break;
    await sleep(20);
  }
  return status;
}

describe('within a second, another node applies', () => {
  it('a new key, a changed plan and a deleted key', async ({ redisNode: first, second }) => {
    const administrator = await first.signIn();
    await first.createPlan(administrator, 'changing', 1000);
    const { name, secret } = await first.createKey(administrator, 'changing');
    expect(await pollStatus(second, secret, 200)).toBe(200);
    const limits = [Limit.create({ name: 'burst', requests: 1, window: '60s' })];
    const plan = Plan.create({ name: 'plans/changing', limits });
    await first.admin.call(PlanServiceService.updatePlan, { plan, updateMask: 'limits' }, administrator);
    expect(await pollStatus(second, secret, 429)).toBe(429);
    const deletion = DeleteApiKeyRequest.fromPartial({ name });
    await first.admin.call(ApiKeyServiceService.deleteApiKey, deletion, administrator);
    expect(await pollStatus(second, secret, 401)).toBe(401);
  });

  it('that an account is blocked, and unblocked', async ({ redisNode: first, second }) => {
    const administrator = await first.signIn();
    const { name, secret } = await first.createKey(administrator, 'enterprise');
    const { account } = await first.admin.call(ApiKeyServiceService.getApiKey, { name }, administrator);
    expect(await pollStatus(second, secret, 200)).toBe(200);
    const blocking = BlockAccountRequest.fromPartial({ name: account, duration: '1h' });
    await first.admin.call(AccountServiceService.blockAccount, blocking, administrator);
    expect(await pollStatus(second, secret, 403)).toBe(403);
    await first.admin.call(AccountServiceService.unblockAccount, { name: account }, administrator);
    expect(await pollStatus(second, secret, 200)).toBe(200);
  });

  it('the block of a counter that it holds slices of', async ({ redisNode: first, second }) => {
    const readCode = async () => (await shouldRateLimit(second.decision, 'shop', ['hot', 'a'])).overallCode;
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 40 }, readCode));
    const value = { domain: 'shop', entries: [{ key: 'hot', value: 'a' }] };
    const blocking = BlockCounterRequest.fromPartial({
      subject: { subject: { $case: 'descriptor', value } },
      duration: '1h',
    });
    await first.admin.call(CounterServiceService.blockCounter, blocking, await first.signIn());
    await sleep(WITHIN_MS);
    expect(await readCode()).toBe(Code.OVER_LIMIT);
  });
});
