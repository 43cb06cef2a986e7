import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
import { newDatabase } from '../../support/databases.ts';
import type { Headers } from '../../support/grpc.ts';
import { type NewApiKey, TestNode } from '../../support/node.ts';
import { check, headersOf, statusOf } from '../../support/questions.ts';

let node: TestNode;
let administrator: Headers;

beforeAll(async () => {
  node = await TestNode.start({ DATABASE_URL: await newDatabase() });
  administrator = await node.signIn();
});
afterAll(() => node?.stop());

const limit = (name: string, requests: number, fields: Partial<Limit> = {}) =>
  Limit.fromPartial({ name, requests, window: '60s', onStoreFailure: 'deny', ...fields });

async function createPlan(planId: string, ...limits: Limit[]) {
  const request = CreatePlanRequest.fromPartial({ planId, plan: { displayName: planId, limits } });
  return node.admin.call(PlanServiceService.createPlan, request, administrator);
}

async function updatePlan(planId: string, ...limits: Limit[]) {
  const request = UpdatePlanRequest.fromPartial({ plan: { name: `plans/${planId}`, limits }, updateMask: 'limits' });
  return node.admin.call(PlanServiceService.updatePlan, request, administrator);
}

/** Status, limits that were told, and what remains of the tightest. */
async function ask({ secret }: NewApiKey, route?: string, cost = '1') {
  const extensions = { 'weir.cost': cost, ...(route !== undefined && { 'weir.route': route }) };
  const answer = await check(node.decision, { 'x-api-key': secret }, extensions);
  const told = headersOf(answer);
  return [statusOf(answer), told['ratelimit-policy'], told['x-ratelimit-remaining']];
}

async function statuses(times: number, key: NewApiKey, route?: string) {
  const found = [];
  for (let time = 0; time < times; time++) found.push((await ask(key, route))[0]);
  return found;
}

/** As the rate limit filter asks, with one descriptor of these entries; what remains, undefined where it refuses. */
async function askFilter(entries: Readonly<Record<string, string>>) {
  const descriptor = { entries: Object.entries(entries).map(([key, value]) => ({ key, value })) };
  const request = RateLimitRequest.fromPartial({ domain: 'plans', descriptors: [descriptor] });
  const { overallCode, statuses: told } = await node.decision.call(RateLimitServiceService.shouldRateLimit, request);
  return overallCode === 1 ? told[0]?.limitRemaining : undefined;
}

describe('a limit with routes', () => {
  it('counts requests on them alone, all of them together', async () => {
    await createPlan('routed', limit('all', 9), limit('costly', 2, { routes: ['search', 'export'] }));
    const key = await node.createKey(administrator, 'routed');
    expect(await ask(key)).toEqual([200, '"all";q=9;w=60', '8']);
    expect(await ask(key, 'orders')).toEqual([200, '"all";q=9;w=60', '7']);
    expect(await ask(key, 'search')).toEqual([200, '"all";q=9;w=60, "costly";q=2;w=60', '1']);
    expect(await statuses(3, key, 'export')).toEqual([200, 429, 429]);
    expect(await ask(key, 'orders')).toEqual([200, '"all";q=9;w=60', '4']);
  });

  it('costs what the route’s weir.cost says', async () => {
    await createPlan('routed-cost', limit('all', 90), limit('costly', 20, { routes: ['search'] }));
    const key = await node.createKey(administrator, 'routed-cost');
    expect(await ask(key, 'search', '7')).toEqual([200, '"all";q=90;w=60, "costly";q=20;w=60', '13']);
    expect(await ask(key, 'other', '7')).toEqual([200, '"all";q=90;w=60', '76']);
    expect(await ask(key, 'search', '7')).toEqual([200, '"all";q=90;w=60, "costly";q=20;w=60', '6']);
    expect((await ask(key, 'search', '7'))[0]).toBe(429);
  });

  it('may be a key’s own', async () => {
    await createPlan('plain', limit('all', 9));
    const key = await node.createKey(administrator, 'plain', { limits: [limit('own', 1, { routes: ['search'] })] });
    expect(await statuses(2, key, 'search')).toEqual([200, 429]);
    expect(await statuses(2, key)).toEqual([200, 200]);
  });

  it('is the same counter for the rate limit filter, where the route is an entry of the descriptor', async () => {
    await createPlan('routed-both', limit('all', 9), limit('costly', 3, { routes: ['search'] }));
    const key = await node.createKey(administrator, 'routed-both');
    await ask(key, 'search');
    expect(await askFilter({ api_key: key.name, route: 'search' })).toBe(1);
    expect(await askFilter({ api_key: key.name, route: 'other' })).toBe(6);
    expect(await askFilter({ api_key: key.name })).toBe(5);
    expect(await askFilter({ route: 'search', api_key: key.name })).toBe(0);
    expect(await askFilter({ api_key: key.name, route: 'search' })).toBeUndefined();
    expect(await statuses(1, key, 'search')).toEqual([429]);
  });

  it('keeps what is counted when its routes change, from the next request on', async () => {
    await createPlan('rerouted', limit('costly', 3, { routes: ['search'] }));
    const key = await node.createKey(administrator, 'rerouted');
    expect(await statuses(2, key, 'search')).toEqual([200, 200]);
    await updatePlan('rerouted', limit('costly', 3, { routes: ['export'] }));
    expect(await statuses(1, key, 'search')).toEqual([200]);
    expect(await statuses(2, key, 'export')).toEqual([200, 429]);
    await updatePlan('rerouted', limit('costly', 4));
    expect(await statuses(2, key)).toEqual([200, 429]);
  });
});

describe('a limit per account', () => {
  /** The account of the administrator has the keys of all tests, so each has a limit of another name. */
  it('is shared by all keys of the account, and the others are not', async () => {
    await createPlan('shared', limit('one', 3, { per: 'key' }), limit('all-shared', 4, { per: 'account' }));
    const [one, other] = [await node.createKey(administrator, 'shared'), await node.createKey(administrator, 'shared')];
    expect(await statuses(4, one)).toEqual([200, 200, 200, 429]);
    expect(await ask(other)).toEqual([200, '"one";q=3;w=60, "all-shared";q=4;w=60', '0']);
    expect(await statuses(1, other)).toEqual([429]);
  });

  it('may have routes', async () => {
    await createPlan('shared-route', limit('searches', 1, { per: 'account', routes: ['search'] }));
    const keys = [
      await node.createKey(administrator, 'shared-route'),
      await node.createKey(administrator, 'shared-route'),
    ] as const;
    expect(await statuses(1, keys[0], 'search')).toEqual([200]);
    expect(await statuses(1, keys[1], 'search')).toEqual([429]);
    expect(await statuses(1, keys[1], 'orders')).toEqual([200]);
  });

  it('is the same counter for the rate limit filter, by key and by account', async () => {
    // The plan of every new account.
    await updatePlan('free', limit('both', 5, { per: 'account' }));
    const [one, other] = [await node.createKey(administrator, 'free'), await node.createKey(administrator, 'free')];
    const { account } = await node.admin.call(TokenInfoServiceService.getTokenInfo, { secret: one.secret });
    await ask(one);
    expect(await askFilter({ api_key: other.name })).toBe(3);
    expect(await askFilter({ account })).toBe(2);
    expect(await ask(one)).toEqual([200, '"both";q=5;w=60', '1']);
  });

  it('keeps what is counted when keys go to a plan that has it too', async () => {
    await createPlan('before', limit('kept', 3, { per: 'account' }));
    await createPlan('after', limit('kept', 4, { per: 'account' }));
    const key = await node.createKey(administrator, 'before');
    expect(await statuses(4, key)).toEqual([200, 200, 200, 429]);
    const apiKey = { name: key.name, plan: 'plans/after' };
    const request = UpdateApiKeyRequest.fromPartial({ apiKey, updateMask: 'plan' });
    await node.admin.call(ApiKeyServiceService.updateApiKey, request, administrator);
    expect(await statuses(2, key)).toEqual([200, 429]);
  });

  it('cannot be a key’s own', async () => {
    const apiKey = { displayName: '', limits: [limit('own', 1, { per: 'account' })] };
    const request = CreateApiKeyRequest.fromPartial({ apiKey });
    const error = await node.admin.failing(ApiKeyServiceService.createApiKey, request, administrator);
    expect(error.details).toContain('api_key.limits[0].per');
  });
});

it('routes and per are answered as they were written, by the plan and by token info', async () => {
  const written = [
    limit('all', 5, { per: 'account', algorithm: 'sliding_window' }),
    limit('few', 1, { routes: ['a'] }),
  ];
  const { limits } = await createPlan('told', ...written);
  expect(limits).toMatchObject([
    { name: 'all', per: 'account', routes: [] },
    { name: 'few', per: '', routes: ['a'] },
  ]);
  const { secret } = await node.createKey(administrator, 'told');
  const info = await node.admin.call(TokenInfoServiceService.getTokenInfo, { secret });
  expect(info.limits).toEqual(limits);
});
