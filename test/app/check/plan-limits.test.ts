import { describe, expect } from 'vitest';
import { RateLimitRequest, RateLimitServiceService } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import {
  ApiKeyServiceService,
  CreateApiKeyRequest,
  UpdateApiKeyRequest,
} from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import {
  CreatePlanRequest,
  PlanServiceService,
  UpdatePlanRequest,
} from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { TokenInfoServiceService } from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { addedHeaders, check, httpStatus } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { NewApiKey, TestNode } from '../../support/node.ts';

const it = test;

const limit = (name: string, requests: number, fields: Partial<Limit> = {}) =>
  Limit.fromPartial({ name, requests, window: '60s', onStoreFailure: 'deny', ...fields });

async function createPlan(node: TestNode, administrator: Headers, planId: string, ...limits: Limit[]) {
  const request = CreatePlanRequest.fromPartial({ planId, plan: { displayName: planId, limits } });
  return node.admin.call(PlanServiceService.createPlan, request, administrator);
}

async function updatePlan(node: TestNode, administrator: Headers, planId: string, ...limits: Limit[]) {
  const request = UpdatePlanRequest.fromPartial({ plan: { name: `plans/${planId}`, limits }, updateMask: 'limits' });
  return node.admin.call(PlanServiceService.updatePlan, request, administrator);
}

/** Returns the status, the reported limits, and what remains of the tightest one. */
async function checkKey(node: TestNode, { secret }: NewApiKey, route?: string, cost = '1') {
  const extensions = { 'weir.cost': cost, ...(route !== undefined && { 'weir.route': route }) };
  const response = await check(node.decision, { 'x-api-key': secret }, extensions);
  const headers = addedHeaders(response);
  return [httpStatus(response), headers['ratelimit-policy'], headers['x-ratelimit-remaining']];
}

async function checkRepeatedly(node: TestNode, times: number, key: NewApiKey, route?: string) {
  const statuses = [];
  for (let time = 0; time < times; time++) statuses.push((await checkKey(node, key, route))[0]);
  return statuses;
}

/** Calls ShouldRateLimit with one descriptor of these entries. Returns what remains; undefined if rejected. */
async function rateLimitDescriptor(node: TestNode, entries: Readonly<Record<string, string>>) {
  const descriptor = { entries: Object.entries(entries).map(([key, value]) => ({ key, value })) };
  const request = RateLimitRequest.fromPartial({ domain: 'plans', descriptors: [descriptor] });
  const { overallCode, statuses: limits } = await node.decision.call(RateLimitServiceService.shouldRateLimit, request);
  return overallCode === 1 ? limits[0]?.limitRemaining : undefined;
}

describe('a limit with routes', () => {
  it('counts only requests on these routes, all of them together', async ({ node, administrator }) => {
    await createPlan(
      node,
      administrator,
      'routed',
      limit('all', 9),
      limit('costly', 2, { routes: ['search', 'export'] }),
    );
    const key = await node.createKey(administrator, 'routed');
    expect(await checkKey(node, key)).toEqual([200, '"all";q=9;w=60', '8']);
    expect(await checkKey(node, key, 'orders')).toEqual([200, '"all";q=9;w=60', '7']);
    expect(await checkKey(node, key, 'search')).toEqual([200, '"all";q=9;w=60, "costly";q=2;w=60', '1']);
    expect(await checkRepeatedly(node, 3, key, 'export')).toEqual([200, 429, 429]);
    expect(await checkKey(node, key, 'orders')).toEqual([200, '"all";q=9;w=60', '4']);
  });

  it('charges the weir.cost of the route', async ({ node, administrator }) => {
    await createPlan(node, administrator, 'routed-cost', limit('all', 90), limit('costly', 20, { routes: ['search'] }));
    const key = await node.createKey(administrator, 'routed-cost');
    expect(await checkKey(node, key, 'search', '7')).toEqual([200, '"all";q=90;w=60, "costly";q=20;w=60', '13']);
    expect(await checkKey(node, key, 'other', '7')).toEqual([200, '"all";q=90;w=60', '76']);
    expect(await checkKey(node, key, 'search', '7')).toEqual([200, '"all";q=90;w=60, "costly";q=20;w=60', '6']);
    expect((await checkKey(node, key, 'search', '7'))[0]).toBe(429);
  });

  it('may belong to a key', async ({ node, administrator }) => {
    await createPlan(node, administrator, 'plain', limit('all', 9));
    const key = await node.createKey(administrator, 'plain', { limits: [limit('own', 1, { routes: ['search'] })] });
    expect(await checkRepeatedly(node, 2, key, 'search')).toEqual([200, 429]);
    expect(await checkRepeatedly(node, 2, key)).toEqual([200, 200]);
  });

  it('uses the same counter for the rate limit filter, where the route is an entry of the descriptor', async ({
    node,
    administrator,
  }) => {
    await createPlan(node, administrator, 'routed-both', limit('all', 9), limit('costly', 3, { routes: ['search'] }));
    const key = await node.createKey(administrator, 'routed-both');
    await checkKey(node, key, 'search');
    expect(await rateLimitDescriptor(node, { api_key: key.name, route: 'search' })).toBe(1);
    expect(await rateLimitDescriptor(node, { api_key: key.name, route: 'other' })).toBe(6);
    expect(await rateLimitDescriptor(node, { api_key: key.name })).toBe(5);
    expect(await rateLimitDescriptor(node, { route: 'search', api_key: key.name })).toBe(0);
    expect(await rateLimitDescriptor(node, { api_key: key.name, route: 'search' })).toBeUndefined();
    expect(await checkRepeatedly(node, 1, key, 'search')).toEqual([429]);
  });

  it('keeps its counter when its routes change, and applies them from the next request on', async ({
    node,
    administrator,
  }) => {
    await createPlan(node, administrator, 'rerouted', limit('costly', 3, { routes: ['search'] }));
    const key = await node.createKey(administrator, 'rerouted');
    expect(await checkRepeatedly(node, 2, key, 'search')).toEqual([200, 200]);
    await updatePlan(node, administrator, 'rerouted', limit('costly', 3, { routes: ['export'] }));
    expect(await checkRepeatedly(node, 1, key, 'search')).toEqual([200]);
    expect(await checkRepeatedly(node, 2, key, 'export')).toEqual([200, 429]);
    await updatePlan(node, administrator, 'rerouted', limit('costly', 4));
    expect(await checkRepeatedly(node, 2, key)).toEqual([200, 429]);
  });
});

describe('a limit per account', () => {
  // All keys belong to the administrator's account, so each test names its limit differently.
  it('is shared by all keys of the account, unlike a limit per key', async ({ node, administrator }) => {
    await createPlan(
      node,
      administrator,
      'shared',
      limit('one', 3, { per: 'key' }),
      limit('all-shared', 4, { per: 'account' }),
    );
    const [one, other] = [await node.createKey(administrator, 'shared'), await node.createKey(administrator, 'shared')];
    expect(await checkRepeatedly(node, 4, one)).toEqual([200, 200, 200, 429]);
    expect(await checkKey(node, other)).toEqual([200, '"one";q=3;w=60, "all-shared";q=4;w=60', '0']);
    expect(await checkRepeatedly(node, 1, other)).toEqual([429]);
  });

  it('may have routes', async ({ node, administrator }) => {
    await createPlan(node, administrator, 'shared-route', limit('searches', 1, { per: 'account', routes: ['search'] }));
    const keys = [
      await node.createKey(administrator, 'shared-route'),
      await node.createKey(administrator, 'shared-route'),
    ] as const;
    expect(await checkRepeatedly(node, 1, keys[0], 'search')).toEqual([200]);
    expect(await checkRepeatedly(node, 1, keys[1], 'search')).toEqual([429]);
    expect(await checkRepeatedly(node, 1, keys[1], 'orders')).toEqual([200]);
  });

  it('is the same counter for the rate limit filter, by key and by account', async ({ node, administrator }) => {
    // `free` is the plan of every new account.
    await updatePlan(node, administrator, 'free', limit('both', 5, { per: 'account' }));
    const [one, other] = [await node.createKey(administrator, 'free'), await node.createKey(administrator, 'free')];
    const { account } = await node.admin.call(TokenInfoServiceService.getTokenInfo, { secret: one.secret });
    await checkKey(node, one);
    expect(await rateLimitDescriptor(node, { api_key: other.name })).toBe(3);
    expect(await rateLimitDescriptor(node, { account })).toBe(2);
    expect(await checkKey(node, one)).toEqual([200, '"both";q=5;w=60', '1']);
  });

  it('keeps its counter when a key moves to a plan with the same limit', async ({ node, administrator }) => {
    await createPlan(node, administrator, 'before', limit('kept', 3, { per: 'account' }));
    await createPlan(node, administrator, 'after', limit('kept', 4, { per: 'account' }));
    const key = await node.createKey(administrator, 'before');
    expect(await checkRepeatedly(node, 4, key)).toEqual([200, 200, 200, 429]);
    const apiKey = { name: key.name, plan: 'plans/after' };
    const request = UpdateApiKeyRequest.fromPartial({ apiKey, updateMask: 'plan' });
    await node.admin.call(ApiKeyServiceService.updateApiKey, request, administrator);
    expect(await checkRepeatedly(node, 2, key)).toEqual([200, 429]);
  });

  it('cannot belong to a key', async ({ node, administrator }) => {
    const apiKey = { displayName: '', limits: [limit('own', 1, { per: 'account' })] };
    const request = CreateApiKeyRequest.fromPartial({ apiKey });
    const error = await node.admin.callAndFail(ApiKeyServiceService.createApiKey, request, administrator);
    expect(error.details).toContain('api_key.limits[0].per');
  });
});

it('plan and token info return routes and per as they were written', async ({ node, administrator }) => {
  const written = [
    limit('all', 5, { per: 'account', algorithm: 'sliding_window' }),
    limit('few', 1, { routes: ['a'] }),
  ];
  const { limits } = await createPlan(node, administrator, 'written', ...written);
  expect(limits).toMatchObject([
    { name: 'all', per: 'account', routes: [] },
    { name: 'few', per: '', routes: ['a'] },
  ]);
  const { secret } = await node.createKey(administrator, 'written');
  const info = await node.admin.call(TokenInfoServiceService.getTokenInfo, { secret });
  expect(info.limits).toEqual(limits);
});
