import { describe, expect } from 'vitest';
import { CheckRequest } from '../../../src/generated/envoy/service/auth/v3/external_auth.ts';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { ExplainRequest, ExplainServiceService } from '../../../src/generated/weir/admin/v1/explain_service.ts';
import { CreatePlanRequest, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { check, parseDenial } from '../../support/clients/decision-calls.ts';
import { STORES, test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const RULES = `
domain: shop
descriptors:
  - {key: sliding, rate_limit: {requests: 1000, window: 1h}}
  - {key: leased, rate_limit: {requests: 1000, window: 1h, lease: true}}
  - {key: fixed, rate_limit: {requests: 1000, window: 1h, algorithm: fixed_window}}
  - {key: month, rate_limit: {requests: 1000, window: 1mo, algorithm: calendar}}
  - {key: bucket, rate_limit: {requests: 5000, window: 1h, algorithm: token_bucket, burst: 1000}}
  - {key: slots, rate_limit: {requests: 1000, window: 1h, algorithm: concurrency}}
  - {key: debt, rate_limit: {requests: 1000, window: 1h, charge_rejected: true}}
  - {key: several, limits: [{name: a, requests: 5000, window: 1h}, {name: b, requests: 1000, window: 1d}]}
`;
const KEYS = ['sliding', 'leased', 'fixed', 'month', 'bucket', 'slots', 'debt', 'several'];
const it = test.override('rules', RULES);

it.beforeAll(async ({ node, administrator }) => {
  const day = { name: 'today', requests: 1000, window: '1d', algorithm: 'calendar', onStoreFailure: 'deny' };
  const plan = { displayName: 'quota', limits: [day] };
  const request = CreatePlanRequest.fromPartial({ planId: 'quota', plan });
  await node.admin.call(PlanServiceService.createPlan, request, administrator);
});

const rateLimitRequest = (hitsAddend: number, ...values: (readonly [key: string, value: string])[]) =>
  RateLimitRequest.fromPartial({
    domain: 'shop',
    hitsAddend,
    descriptors: values.map(([key, value]) => ({ entries: [{ key, value }] })),
  });

const ask = (node: TestNode, request: RateLimitRequest) =>
  node.decision.call(RateLimitServiceService.shouldRateLimit, request);

describe.for(STORES)('a request that costs more than a limit, with counters in %s', (store) => {
  it.for(KEYS)('never fits, and says so each time: %s', async (key, { nodes }) => {
    for (let time = 0; time < 3; time++) {
      const response = await ask(nodes[store], rateLimitRequest(1001, [key, 'x']));
      expect(response.overallCode).toBe(Code.OVER_LIMIT);
      expect(response.dynamicMetadata).toMatchObject({ code: 'cost_exceeds_limit' });
      expect(response.responseHeadersToAdd.map(({ key: name }) => name)).not.toContain('retry-after');
      expect(response.statuses[0]?.durationUntilReset).toBeUndefined();
    }
  });

  it.for(KEYS.filter((key) => key !== 'debt'))(
    'is another case than a request that does not fit now: %s',
    async (key, { nodes }) => {
      expect((await ask(nodes[store], rateLimitRequest(900, [key, 'y']))).overallCode).toBe(Code.OK);
      const response = await ask(nodes[store], rateLimitRequest(1000, [key, 'y']));
      expect(response.overallCode).toBe(Code.OVER_LIMIT);
      expect(response.dynamicMetadata).not.toHaveProperty('code');
    },
  );

  it('never fits if two descriptors name one counter and cost more together', async ({ nodes }) => {
    const request = rateLimitRequest(501, ['sliding', 'twice'], ['sliding', 'twice']);
    expect((await ask(nodes[store], request)).dynamicMetadata).toMatchObject({ code: 'cost_exceeds_limit' });
  });

  it('is denied by Check as cost_exceeds_limit, without retry-after, while the quota is nearly untouched', async ({
    nodes,
    node,
    administrator,
  }) => {
    const { secret } = await node.createKey(administrator, 'quota');
    const send = (cost: string) => check(nodes[store].decision, { 'x-api-key': secret }, { 'weir.cost': cost });
    await expect.poll(async () => parseDenial(await send('3'))).toBeUndefined();
    for (let time = 0; time < 3; time++) {
      const response = await send('1001');
      expect(parseDenial(response)).toMatchObject({
        code: 'cost_exceeds_limit',
        message: expect.stringContaining('costs more than'),
      });
      expect(response.dynamicMetadata).toMatchObject({ code: 'cost_exceeds_limit', limit: 'today', remaining: '997' });
      const denied = response.httpResponse?.$case === 'deniedResponse' ? response.httpResponse.value : undefined;
      expect(denied?.status?.code).toBe(429);
      expect(denied?.headers.map(({ header }) => header?.key)).not.toContain('retry-after');
    }
    expect(parseDenial(await send('998'))?.code).toBe('quota_exceeded');
  });

  it('is explained', async ({ nodes, node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'quota');
    const attributes = { request: { http: { headers: { 'x-api-key': secret } } } };
    const explain = (cost: string) => {
      const value = CheckRequest.fromPartial({
        attributes: { ...attributes, contextExtensions: { 'weir.cost': cost } },
      });
      const request = ExplainRequest.fromPartial({ question: { $case: 'check', value } });
      return nodes[store].admin.call(ExplainServiceService.explain, request, administrator);
    };
    await expect.poll(async () => (await explain('1')).answer).toBe('allowed');
    const { answer, limits } = await explain('1001');
    expect(answer).toBe('cost_exceeds_limit');
    expect(limits).toMatchObject([{ label: 'plans/quota/today', exceeded: true, costExceedsLimit: true }]);
  });
});
