import { describe, expect } from 'vitest';
import { RateLimitRequest, RateLimitServiceService } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import {
  AccountServiceService,
  CreateAccountRequest,
  UpdateAccountRequest,
} from '../../../src/generated/weir/admin/v1/account_service.ts';
import { ApiKeyServiceService, UpdateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { CounterServiceService, GetCounterRequest } from '../../../src/generated/weir/admin/v1/counter_service.ts';
import { ExplainServiceService } from '../../../src/generated/weir/admin/v1/explain_service.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import {
  ChangePlanRequest,
  ChangePlanRequest_Counters as Counters,
} from '../../../src/generated/weir/admin/v1/plan_change.ts';
import { type Plan, PlanServiceService, UpdatePlanRequest } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { addedHeaders, check, httpStatus } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { NewApiKey, TestNode } from '../../support/node.ts';
import { waitUntil } from '../../support/wait-until.ts';

const OVER_LIMIT = 2;

const it = test
  .override('redis', { scope: 'file' }, ({ ownRedis }) => ownRedis)
  .extend('pair', { scope: 'file' }, async ({ redis, startNode }) => {
    const environment = { REDIS_URL: redis.url };
    const first = await startNode(environment);
    const pair = [first, await startNode(environment)] as const;
    for (const node of pair) await waitUntil(async () => (await node.fetch('/readyz')).ok);
    return pair;
  })
  .override('administrator', { scope: 'file' }, ({ pair: [first] }) => first.signIn());

/** Two plans whose limits have one name and different windows. */
const plansIt = it.extend('plans', { scope: 'file' }, async ({ pair: [first], administrator }) => {
  const plans = { former: 'former', next: 'next' };
  for (const [planId, window] of [
    [plans.former, '600s'],
    [plans.next, '900s'],
  ] as const) {
    await first.createPlan(administrator, planId, 100);
    await editPlan(first, administrator, planId, { window });
  }
  return plans;
});

const hundred = { name: 'burst', requests: 100, window: '600s', onStoreFailure: 'deny' };

async function editPlan(node: TestNode, headers: Headers, planId: string, limit: Partial<Limit>): Promise<Plan> {
  const plan = { name: `plans/${planId}`, limits: [Limit.fromPartial({ ...hundred, ...limit })] };
  const request = UpdatePlanRequest.fromPartial({ plan, updateMask: 'limits' });
  return node.admin.call(PlanServiceService.updatePlan, request, headers);
}

async function createAccount(node: TestNode, headers: Headers, planId: string): Promise<string> {
  const request = CreateAccountRequest.fromPartial({ account: { plan: `plans/${planId}` } });
  return (await node.admin.call(AccountServiceService.createAccount, request, headers)).name;
}

/** Moves an account or a key to another plan, by ChangePlan or by an update. */
async function movePlan(
  node: TestNode,
  headers: Headers,
  { name, plan, way }: { readonly name: string; readonly plan: string; readonly way: 'change' | 'update' },
): Promise<void> {
  const isKey = name.startsWith('apiKeys/');
  if (way === 'change') {
    const { changePlan } = isKey ? ApiKeyServiceService : AccountServiceService;
    await node.admin.call(changePlan, ChangePlanRequest.fromPartial({ name, plan }), headers);
  } else if (isKey) {
    const request = UpdateApiKeyRequest.fromPartial({ apiKey: { name, plan }, updateMask: 'plan' });
    await node.admin.call(ApiKeyServiceService.updateApiKey, request, headers);
  } else {
    const request = UpdateAccountRequest.fromPartial({ account: { name, plan }, updateMask: 'plan' });
    await node.admin.call(AccountServiceService.updateAccount, request, headers);
  }
}

async function spend(node: TestNode, { secret }: NewApiKey, cost: number): Promise<number | undefined> {
  return httpStatus(await check(node.decision, { 'x-api-key': secret }, { 'weir.cost': String(cost) }));
}

async function spendByFilter(node: TestNode, { name }: NewApiKey, hits: number): Promise<boolean> {
  const descriptor = { entries: [{ key: 'api_key', value: name }], hitsAddend: hits };
  const request = RateLimitRequest.fromPartial({ domain: 'plans', descriptors: [descriptor] });
  const { overallCode } = await node.decision.call(RateLimitServiceService.shouldRateLimit, request);
  return overallCode !== OVER_LIMIT;
}

/** Waits until the node decides by the limit with this window. Charges nothing. */
async function waitForWindow(node: TestNode, { secret }: NewApiKey, seconds: number): Promise<void> {
  const headers = { 'x-api-key': secret };
  const readPolicy = async () =>
    addedHeaders(await check(node.decision, headers, { 'weir.cost': '0' }))['ratelimit-policy'];
  await expect.poll(readPolicy, { timeout: 10_000 }).toContain(`w=${seconds}`);
}

describe('an edit of a limit’s window', () => {
  it('opens no second budget, through Check and the domain plans, on two nodes', async ({ pair, administrator }) => {
    const [first, second] = pair;
    await first.createPlan(administrator, 'edited', 100);
    await editPlan(first, administrator, 'edited', {});
    const key = await first.createKey(administrator, 'edited');
    await waitForWindow(second, key, 600);
    expect(await spend(first, key, 80)).toBe(200);
    const { warnings } = await editPlan(first, administrator, 'edited', { window: '900s' });
    expect(warnings).toEqual([expect.stringContaining('the previous limit holds as well until')]);
    await waitForWindow(second, key, 900);
    for (const node of pair) {
      expect(await spend(node, key, 40)).toBe(429);
      expect(await spendByFilter(node, key, 40)).toBe(false);
    }
    expect(await spendByFilter(second, key, 10)).toBe(true);
    expect(await spend(first, key, 15)).toBe(429);
    // The window changes once more, and both earlier ones still last.
    await editPlan(first, administrator, 'edited', { window: '1200s' });
    await waitForWindow(first, key, 1200);
    expect(await spend(first, key, 20)).toBe(429);
  });

  it('grants what a larger limit adds, and nothing twice', async ({ pair: [first, second], administrator }) => {
    await first.createPlan(administrator, 'raised', 100);
    await editPlan(first, administrator, 'raised', {});
    const key = await first.createKey(administrator, 'raised');
    await waitForWindow(second, key, 600);
    expect(await spend(first, key, 80)).toBe(200);
    await editPlan(first, administrator, 'raised', { window: '900s', requests: 200 });
    await waitForWindow(second, key, 900);
    expect(await spend(second, key, 100)).toBe(200);
    expect(await spend(second, key, 40)).toBe(429);
  });

  it('shows the current limit alone, and ResetCounter empties both', async ({ pair: [first], administrator }) => {
    await first.createPlan(administrator, 'shown', 100);
    await editPlan(first, administrator, 'shown', {});
    const key = await first.createKey(administrator, 'shown');
    expect(await spend(first, key, 100)).toBe(200);
    await editPlan(first, administrator, 'shown', { window: '900s' });
    const denied = await check(first.decision, { 'x-api-key': key.secret });
    expect(httpStatus(denied)).toBe(429);
    const subject = { subject: { $case: 'apiKey' as const, value: key.name } };
    const request = GetCounterRequest.fromPartial({ subject, limit: 'burst' });
    const { limits } = await first.admin.call(CounterServiceService.getCounter, request, administrator);
    expect(limits).toMatchObject([{ limit: { window: '900s' }, remaining: 100 }]);
    await first.admin.call(CounterServiceService.resetCounter, request, administrator);
    await expect.poll(() => spend(first, key, 50)).toBe(200);
    const question = { question: { $case: 'apiKey' as const, value: key.name } };
    const explained = await first.admin.call(ExplainServiceService.explain, question, administrator);
    expect(explained.limits).toMatchObject([{ limit: { window: '900s' } }]);
  });
});

/** Requests of 90 are allowed, then not 20 on either node, by Check or the domain plans, and 10 once. */
async function expectOneBudget([first, second]: readonly [TestNode, TestNode], key: NewApiKey): Promise<void> {
  for (const node of [first, second]) {
    expect(await spend(node, key, 20)).toBe(429);
    expect(await spendByFilter(node, key, 20)).toBe(false);
  }
  expect(await spendByFilter(second, key, 10)).toBe(true);
  expect(await spend(first, key, 1)).toBe(429);
}

describe('an edit of a key’s own limit', () => {
  it('opens no second budget, also for the successor of the key', async ({ pair, administrator }) => {
    const [first, second] = pair;
    const limits = [Limit.fromPartial(hundred)];
    const key = await first.createKey(administrator, 'enterprise', { limits });
    await waitForWindow(second, key, 600);
    expect(await spend(first, key, 90)).toBe(200);
    const apiKey = { name: key.name, limits: [Limit.fromPartial({ ...hundred, window: '900s' })] };
    const update = UpdateApiKeyRequest.fromPartial({ apiKey, updateMask: 'limits' });
    await first.admin.call(ApiKeyServiceService.updateApiKey, update, administrator);
    await waitForWindow(second, key, 900);
    expect(await spend(second, key, 20)).toBe(429);
    const rotated = await first.admin.call(
      ApiKeyServiceService.rotateApiKey,
      { name: key.name, overlap: '' },
      administrator,
    );
    const successor = { name: rotated.apiKey?.name ?? '', secret: rotated.secret };
    await waitForWindow(second, successor, 900);
    await expectOneBudget(pair, successor);
  });
});

describe('a change of the plan', () => {
  const it = plansIt;

  it.for([
    ['of a key by ChangePlan', 'key', 'change'],
    ['of a key by UpdateApiKey', 'key', 'update'],
    ['of an account by ChangePlan', 'account', 'change'],
    ['of an account by UpdateAccount', 'account', 'update'],
  ] as const)('%s opens no second budget', async ([, holder, way], { pair, administrator, plans }) => {
    const [first, second] = pair;
    const account = await createAccount(first, administrator, plans.former);
    const key = await first.createKey(administrator, holder === 'key' ? plans.former : '', { account });
    const name = holder === 'key' ? key.name : account;
    await waitForWindow(second, key, 600);
    expect(await spend(first, key, 90)).toBe(200);
    await movePlan(first, administrator, { name, plan: `plans/${plans.next}`, way });
    await waitForWindow(second, key, 900);
    await expectOneBudget(pair, key);
    // Back again, the first counter has counted on.
    await movePlan(first, administrator, { name, plan: `plans/${plans.former}`, way });
    await waitForWindow(second, key, 600);
    for (const node of pair) expect(await spend(node, key, 1)).toBe(429);
  });

  it('carries over what an edit of the former plan has superseded', async ({ pair, administrator }) => {
    const [first, second] = pair;
    await first.createPlan(administrator, 'edited-first', 100);
    await editPlan(first, administrator, 'edited-first', {});
    await first.createPlan(administrator, 'moved-then', 100);
    await editPlan(first, administrator, 'moved-then', { window: '1200s' });
    const key = await first.createKey(administrator, 'edited-first');
    await waitForWindow(second, key, 600);
    expect(await spend(first, key, 90)).toBe(200);
    await editPlan(first, administrator, 'edited-first', { window: '900s' });
    await movePlan(first, administrator, { name: key.name, plan: 'plans/moved-then', way: 'change' });
    await waitForWindow(second, key, 1200);
    await expectOneBudget(pair, key);
  });

  it('that resets the counters starts with the whole limit', async ({ pair, administrator, plans }) => {
    const [first, second] = pair;
    const key = await first.createKey(administrator, plans.former);
    await waitForWindow(second, key, 600);
    expect(await spend(first, key, 90)).toBe(200);
    const change = { name: key.name, plan: `plans/${plans.next}`, counters: Counters.RESET };
    await first.admin.call(ApiKeyServiceService.changePlan, ChangePlanRequest.fromPartial(change), administrator);
    await waitForWindow(second, key, 900);
    expect(await spend(second, key, 90)).toBe(200);
  });
});
