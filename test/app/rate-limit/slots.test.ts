import { describe, expect, it } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  type RateLimitResponse,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { CreatePlanRequest, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { useMemoryAndRedis } from '../../support/rules-nodes.ts';

const RULES = `domain: slots
descriptors:
  - key: account
    limits:
      - {name: in-flight, requests: 2, window: 1h, algorithm: concurrency, on_store_failure: deny}
      - {name: rate, requests: 100, window: 1h, on_store_failure: deny}
  - key: rate_only
    rate_limit: {requests: 100, window: 1h, on_store_failure: deny}
`;

const nodeAt = useMemoryAndRedis(RULES);

interface Asked {
  readonly key: string;
  readonly value: string;
  readonly isNegativeHits?: boolean;
}

describe.each([
  [0, 'memory'],
  [1, 'Redis'],
])('slots with counters in %#: %s', (place) => {
  const subject = (name: string) => `${name}-${place}-${process.pid}`;
  const ask = ({ isNegativeHits = false, ...entry }: Asked): Promise<RateLimitResponse> => {
    const node = nodeAt(place);
    const request = RateLimitRequest.fromPartial({
      domain: 'slots',
      descriptors: [{ entries: [entry], isNegativeHits }],
    });
    return node.decision.call(RateLimitServiceService.shouldRateLimit, request);
  };
  const take = (name: string) => ask({ key: 'account', value: subject(name) });
  const giveBack = (receipt: string) => ask({ key: 'receipt', value: receipt, isNegativeHits: true });
  const receiptOf = ({ dynamicMetadata }: RateLimitResponse) => String(dynamicMetadata?.receipt);

  it('are free again with the receipt of their grant, once', async () => {
    const [first, second] = [await take('once'), await take('once')];
    expect((await take('once')).overallCode).toBe(Code.OVER_LIMIT);
    expect((await giveBack(receiptOf(first))).overallCode).toBe(Code.OK);
    await giveBack(receiptOf(first));
    await expect.poll(async () => (await take('once')).overallCode).toBe(Code.OK);
    expect((await take('once')).overallCode).toBe(Code.OVER_LIMIT);
    await giveBack(receiptOf(second));
    await expect.poll(async () => (await take('once')).overallCode).toBe(Code.OK);
  });

  it('are not given back by negative hits without a receipt, nor by what is none', async () => {
    await take('without');
    await take('without');
    await ask({ key: 'account', value: subject('without'), isNegativeHits: true });
    for (const text of ['', 'garbage', receiptOf(await take('other')).slice(2)]) await giveBack(text);
    expect((await take('without')).overallCode).toBe(Code.OVER_LIMIT);
  });

  it('have a receipt that leaves rates charged', async () => {
    const receipt = receiptOf(await take('rates'));
    await giveBack(receipt);
    await expect.poll(async () => (await ask({ key: 'account', value: subject('rates') })).overallCode).toBe(Code.OK);
    const rate = await ask({ key: 'rate_only', value: subject('rates') });
    expect(rate.dynamicMetadata).not.toHaveProperty('receipt');
  });

  it('of a plan, asked through the domain of plans, have a receipt as well', async () => {
    const node = nodeAt(place);
    const administrator = await node.signIn();
    const planId = `slots-${place}`;
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
    await giveBack(receiptOf(granted));
    await expect.poll(async () => (await takeOfPlan()).overallCode).toBe(Code.OK);
  });

  it('have no receipt when they are refused', async () => {
    await take('refused');
    await take('refused');
    expect((await take('refused')).dynamicMetadata).not.toHaveProperty('receipt');
  });
});
