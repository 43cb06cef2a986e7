import { describe, expect } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import {
  AddCreditsRequest,
  type CounterSubject,
  CounterServiceService as Counters,
} from '../../../src/generated/weir/admin/v1/counter_service.ts';
import { ExplainRequest, ExplainServiceService } from '../../../src/generated/weir/admin/v1/explain_service.ts';
import {
  CreatePlanRequest,
  PlanServiceService,
  UpdatePlanRequest,
} from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { addedHeaders, check, httpStatus, parseDenial } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { type Nodes, STORES, test } from '../../support/fixtures.ts';
import type { NewApiKey } from '../../support/node.ts';

const RULES = `domain: shop
descriptors:
  - {key: trial, rate_limit: {requests: 3, algorithm: credits}}
  - {key: tokens, rate_limit: {name: ai, requests: 1000, algorithm: credits, settle: true, on_store_failure: deny}}
  - {key: owing, rate_limit: {requests: 100, algorithm: credits, charge_rejected: true}}
  - {key: plain, rate_limit: {requests: 100, window: 1h}}
`;

const it = test.override('rules', RULES);
const SOON = { timeout: 20_000, interval: 20 };

describe.for(STORES)('credits with counters in %s', (store) => {
  const createPlan = async (nodes: Nodes, administrator: Headers, name: string, ...limits: readonly object[]) => {
    const planId = `${name}-${store}`;
    const request = CreatePlanRequest.fromPartial({ planId, plan: { displayName: name, limits: [...limits] } });
    await nodes[store].admin.call(PlanServiceService.createPlan, request, administrator);
    return planId;
  };
  const addCredits = (nodes: Nodes, administrator: Headers, fields: Partial<AddCreditsRequest>) =>
    nodes[store].admin.call(Counters.addCredits, AddCreditsRequest.fromPartial(fields), administrator);
  const failToAdd = (nodes: Nodes, administrator: Headers, fields: Partial<AddCreditsRequest>) =>
    nodes[store].admin.callAndFail(Counters.addCredits, AddCreditsRequest.fromPartial(fields), administrator);
  const checkKey = (nodes: Nodes, { secret }: NewApiKey, cost = '1') =>
    check(nodes[store].decision, { 'x-api-key': secret }, { 'weir.cost': cost });
  const rateLimit = (nodes: Nodes, key: string, value: string, hitsAddend = 1) => {
    const descriptors = [{ entries: [{ key, value: `${value}-${process.pid}` }], hitsAddend }];
    const request = RateLimitRequest.fromPartial({ domain: 'shop', descriptors });
    return nodes[store].decision.call(RateLimitServiceService.shouldRateLimit, request);
  };
  const credits = { name: 'trial', requests: 5, algorithm: 'credits' };

  it('are denied as credits_exhausted when they are used up, without a time to retry', async ({
    nodes,
    administrator,
  }) => {
    const key = await nodes[store].createKey(administrator, await createPlan(nodes, administrator, 'trial', credits));
    const allowed = await checkKey(nodes, key, '3');
    expect(addedHeaders(allowed)).toEqual({
      'ratelimit-policy': '"trial";q=5',
      ratelimit: '"trial";r=2',
      'x-ratelimit-limit': '5',
      'x-ratelimit-remaining': '2',
    });
    const denied = await checkKey(nodes, key, '3');
    expect([httpStatus(denied), parseDenial(denied)?.code]).toEqual([429, 'credits_exhausted']);
    if (denied.httpResponse?.$case !== 'deniedResponse') throw new Error('the request was not denied');
    const names = denied.httpResponse.value.headers.map(({ header }) => header?.key);
    expect(names).toContain('x-ratelimit-remaining');
    expect(names).not.toContain('retry-after');
    expect(names).not.toContain('x-ratelimit-reset');
    expect(httpStatus(await checkKey(nodes, key, '2'))).toBe(200);
  });

  it('are named rather than a rate or a quota that rejects as well', async ({ nodes, administrator }) => {
    const limits = [
      { name: 'day', requests: 1, window: '1d' },
      { ...credits, requests: 1 },
      { name: 'minute', requests: 1, window: '60s' },
    ];
    const key = await nodes[store].createKey(administrator, await createPlan(nodes, administrator, 'all', ...limits));
    const allowed = addedHeaders(await checkKey(nodes, key));
    expect(allowed.ratelimit).toMatch(/^"day";r=0;t=\d+, "trial";r=0, "minute";r=0;t=\d+$/);
    expect(parseDenial(await checkKey(nodes, key))?.code).toBe('credits_exhausted');
  });

  it('are topped up once for each request id, and by raising the plan', async ({ nodes, administrator }) => {
    const planId = await createPlan(nodes, administrator, 'topped', credits);
    const key = await nodes[store].createKey(administrator, planId);
    await checkKey(nodes, key, '5');
    const subject: CounterSubject = { subject: { $case: 'apiKey', value: key.name } };
    for (let time = 0; time < 2; time++) {
      const counter = await addCredits(nodes, administrator, { subject, credits: 10, requestId: 'evt_1' });
      expect(counter.limits).toMatchObject([
        { label: `plans/${planId}/trial`, remaining: 10, resetTime: undefined, blocked: false },
      ]);
    }
    await expect.poll(async () => httpStatus(await checkKey(nodes, key, '4')), SOON).toBe(200);
    const plan = { name: `plans/${planId}`, limits: [{ ...credits, requests: 25 }] };
    const raised = UpdatePlanRequest.fromPartial({ plan, updateMask: 'limits' });
    await nodes[store].admin.call(PlanServiceService.updatePlan, raised, administrator);
    expect(addedHeaders(await checkKey(nodes, key))['x-ratelimit-remaining']).toBe('25');
    const counter = await nodes[store].admin.call(Counters.resetCounter, { subject, limit: '' }, administrator);
    expect(counter.limits).toMatchObject([{ remaining: 35 }]);
  });

  it('are explained like any other limit', async ({ nodes, administrator }) => {
    const key = await nodes[store].createKey(administrator, await createPlan(nodes, administrator, 'shown', credits));
    await checkKey(nodes, key, '5');
    const request = ExplainRequest.fromPartial({ question: { $case: 'apiKey', value: key.name } });
    const { answer, limits } = await nodes[store].admin.call(ExplainServiceService.explain, request, administrator);
    expect(answer).toBe('over_limit');
    expect(limits).toMatchObject([{ exceeded: true, remaining: 0, resetTime: undefined, limit: { window: '' } }]);
  });

  it('have no duration until reset in the rate limit service', async ({ nodes }) => {
    for (const remaining of [2, 1, 0]) {
      const { overallCode, statuses } = await rateLimit(nodes, 'trial', 'a');
      expect(overallCode).toBe(Code.OK);
      expect(statuses).toMatchObject([{ limitRemaining: remaining, durationUntilReset: undefined }]);
      expect(statuses[0]?.currentLimit).toMatchObject({ requestsPerUnit: 3, unit: 0, name: 'shop.trial' });
    }
    const rejected = await rateLimit(nodes, 'trial', 'a');
    expect(rejected.overallCode).toBe(Code.OVER_LIMIT);
    expect(rejected.statuses).toMatchObject([{ limitRemaining: 0, durationUntilReset: undefined }]);
    expect(rejected.dynamicMetadata).toMatchObject({ code: 'credits_exhausted', rule: 'shop.trial', remaining: 0 });
    const names = rejected.responseHeadersToAdd.map(({ key }) => key);
    expect(names).toContain('ratelimit');
    for (const absent of ['retry-after', 'x-ratelimit-reset']) expect(names).not.toContain(absent);
  });

  it('report at most a uint32 as remaining in a status, and all of it elsewhere', async ({ nodes, administrator }) => {
    const value = `rich-${process.pid}`;
    const subject: CounterSubject = {
      subject: { $case: 'descriptor', value: { domain: 'shop', entries: [{ key: 'trial', value }] } },
    };
    for (let time = 0; time < 2; time++) await addCredits(nodes, administrator, { subject, credits: 4_294_967_295 });
    const { statuses, dynamicMetadata } = await rateLimit(nodes, 'trial', 'rich');
    expect(statuses).toMatchObject([{ limitRemaining: 4_294_967_295 }]);
    expect(dynamicMetadata).toMatchObject({ remaining: 8_589_934_592 });
  });

  it('are settled for the real cost, and refunded by a receipt', async ({ nodes }) => {
    const remaining = async () => (await rateLimit(nodes, 'tokens', 'a', 0)).statuses[0]?.limitRemaining;
    const settle = async (hits: number) => {
      const { dynamicMetadata } = await rateLimit(nodes, 'tokens', 'a', 300);
      const entries = [{ key: 'receipt', value: String(dynamicMetadata?.receipt) }];
      const descriptors = [{ entries, hitsAddend: hits }];
      const request = RateLimitRequest.fromPartial({ domain: 'shop', descriptors });
      await nodes[store].decision.call(RateLimitServiceService.shouldRateLimit, request);
    };
    await settle(120);
    await expect.poll(remaining).toBe(880);
    await settle(400);
    await expect.poll(remaining).toBe(480);
  });

  it('become debt with charge_rejected', async ({ nodes }) => {
    const codes = [];
    for (const hits of [0, 60, 0, 60, 0]) codes.push((await rateLimit(nodes, 'owing', 'a', hits)).overallCode);
    expect(codes).toEqual([Code.OK, Code.OK, Code.OK, Code.OVER_LIMIT, Code.OVER_LIMIT]);
  });

  it('are added only to one limit of credits, in a valid amount, by administrators', async ({
    nodes,
    administrator,
  }) => {
    const second = { ...credits, name: 'second' };
    const minute = { name: 'minute', requests: 9, window: '60s' };
    const planId = await createPlan(nodes, administrator, 'several', credits, second, minute);
    const { name } = await nodes[store].createKey(administrator, planId);
    const subject: CounterSubject = { subject: { $case: 'apiKey', value: name } };
    const plain = { domain: 'shop', entries: [{ key: 'plain', value: 'x' }] };
    const failures = [
      [{ subject, credits: 1 }, `plans/${planId}/trial, plans/${planId}/second`],
      [{ subject, credits: 1, limit: 'minute' }, 'algorithm credits'],
      [{ subject: { subject: { $case: 'descriptor', value: plain } }, credits: 1 }, 'algorithm credits'],
      [{ subject, limit: 'trial' }, 'credits: must be from 1 to 4294967295 (got 0)'],
      [{ subject, limit: 'trial', credits: 4_294_967_296 }, 'credits: must be from 1'],
      [{ subject, limit: 'trial', credits: -1 }, 'credits: must be from 1'],
      [{ subject, limit: 'trial', credits: 1, requestId: 'two words' }, 'request_id: must be at most 64'],
      [{ subject, limit: 'trial', credits: 1, requestId: 'x'.repeat(65) }, 'request_id: must be at most 64'],
    ] as const;
    for (const [request, message] of failures) {
      const failure = await failToAdd(nodes, administrator, request);
      expect(failure.code, message).toBe(3);
      expect(failure.message).toContain(message);
    }
    const added = await addCredits(nodes, administrator, { subject, limit: 'second', credits: 1 });
    expect(added.limits).toMatchObject([{ label: `plans/${planId}/second`, remaining: 6 }]);
    expect((await failToAdd(nodes, {}, { subject, credits: 1 })).code).toBe(16);
  });
});
