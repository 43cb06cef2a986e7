import { describe, expect } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  type RateLimitResponse,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { CreatePlanRequest, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { type Nodes, STORES, test } from '../../support/fixtures.ts';

const RULES = `domain: slots
descriptors:
  - key: account
    limits:
      - {name: in-flight, requests: 2, window: 1h, algorithm: concurrency, on_store_failure: deny}
      - {name: rate, requests: 100, window: 1h, on_store_failure: deny}
  - key: rate_only
    rate_limit: {requests: 100, window: 1h, on_store_failure: deny}
`;

const it = test.override('rules', RULES);

interface Asked {
  readonly key: string;
  readonly value: string;
  readonly isNegativeHits?: boolean;
}

describe.for(STORES)('concurrency slots with counters in %s', (store) => {
  const subject = (name: string) => `${name}-${store}-${process.pid}`;
  const ask = (nodes: Nodes, { isNegativeHits = false, ...entry }: Asked): Promise<RateLimitResponse> => {
    const node = nodes[store];
    const request = RateLimitRequest.fromPartial({
      domain: 'slots',
      descriptors: [{ entries: [entry], isNegativeHits }],
    });
    return node.decision.call(RateLimitServiceService.shouldRateLimit, request);
  };
  const take = (nodes: Nodes, name: string) => ask(nodes, { key: 'account', value: subject(name) });
  const refund = (nodes: Nodes, receipt: string) =>
    ask(nodes, { key: 'receipt', value: receipt, isNegativeHits: true });
  const readReceipt = ({ dynamicMetadata }: RateLimitResponse) => String(dynamicMetadata?.receipt);

  it('are freed by the receipt of their grant, once', async ({ nodes }) => {
    const [first, second] = [await take(nodes, 'once'), await take(nodes, 'once')];
    expect((await take(nodes, 'once')).overallCode).toBe(Code.OVER_LIMIT);
    expect((await refund(nodes, readReceipt(first))).overallCode).toBe(Code.OK);
    await refund(nodes, readReceipt(first));
    await expect.poll(async () => (await take(nodes, 'once')).overallCode).toBe(Code.OK);
    expect((await take(nodes, 'once')).overallCode).toBe(Code.OVER_LIMIT);
    await refund(nodes, readReceipt(second));
    await expect.poll(async () => (await take(nodes, 'once')).overallCode).toBe(Code.OK);
  });

  it('are not freed by negative hits without a receipt, or with an invalid one', async ({ nodes }) => {
    await take(nodes, 'without');
    await take(nodes, 'without');
    await ask(nodes, { key: 'account', value: subject('without'), isNegativeHits: true });
    for (const text of ['', 'garbage', readReceipt(await take(nodes, 'other')).slice(2)]) await refund(nodes, text);
    expect((await take(nodes, 'without')).overallCode).toBe(Code.OVER_LIMIT);
  });

  it('are freed by a receipt that leaves rate limits charged', async ({ nodes }) => {
    const receipt = readReceipt(await take(nodes, 'rates'));
    await refund(nodes, receipt);
    await expect
      .poll(async () => (await ask(nodes, { key: 'account', value: subject('rates') })).overallCode)
      .toBe(Code.OK);
    const rate = await ask(nodes, { key: 'rate_only', value: subject('rates') });
    expect(rate.dynamicMetadata).not.toHaveProperty('receipt');
  });

  it('of a plan have a receipt too, when the domain plans is asked', async ({ nodes }) => {
    const node = nodes[store];
    const administrator = await node.signIn();
    const planId = `slots-${store}`;
    const limits = [{ name: 'in-flight', requests: 1, window: '1h', algorithm: 'concurrency', onStoreFailure: 'deny' }];
    const plan = CreatePlanRequest.fromPartial({ planId, plan: { displayName: planId, limits } });
    await node.admin.call(PlanServiceService.createPlan, plan, administrator);
    const { name } = await node.createKey(administrator, planId);
    const takeOfPlan = () => {
      const descriptors = [{ entries: [{ key: 'api_key', value: name }] }];
      const request = RateLimitRequest.fromPartial({ domain: 'plans', descriptors });
      return node.decision.call(RateLimitServiceService.shouldRateLimit, request);
    };
    const granted = await takeOfPlan();
    expect((await takeOfPlan()).overallCode).toBe(Code.OVER_LIMIT);
    await refund(nodes, readReceipt(granted));
    await expect.poll(async () => (await takeOfPlan()).overallCode).toBe(Code.OK);
  });

  it('have no receipt when the request is rejected', async ({ nodes }) => {
    await take(nodes, 'refused');
    await take(nodes, 'refused');
    expect((await take(nodes, 'refused')).dynamicMetadata).not.toHaveProperty('receipt');
  });
});
