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

interface RequestedEntry {
  readonly key: string;
  readonly value: string;
  readonly isNegativeHits?: boolean;
}

describe.for(STORES)('concurrency slots with counters in %s', (store) => {
  const uniqueName = (name: string) => `${name}-${store}-${process.pid}`;
  const rateLimit = (
    nodes: Nodes,
    { isNegativeHits = false, ...entry }: RequestedEntry,
  ): Promise<RateLimitResponse> => {
    const node = nodes[store];
    const request = RateLimitRequest.fromPartial({
      domain: 'slots',
      descriptors: [{ entries: [entry], isNegativeHits }],
    });
    return node.decision.call(RateLimitServiceService.shouldRateLimit, request);
  };
  const takeSlot = (nodes: Nodes, name: string) => rateLimit(nodes, { key: 'account', value: uniqueName(name) });
  const freeSlots = (nodes: Nodes, receipt: string) =>
    rateLimit(nodes, { key: 'receipt', value: receipt, isNegativeHits: true });
  const readReceipt = ({ dynamicMetadata }: RateLimitResponse) => String(dynamicMetadata?.receipt);

  it('are freed by the receipt of their grant, once', async ({ nodes }) => {
    const [first, second] = [await takeSlot(nodes, 'once'), await takeSlot(nodes, 'once')];
    expect((await takeSlot(nodes, 'once')).overallCode).toBe(Code.OVER_LIMIT);
    expect((await freeSlots(nodes, readReceipt(first))).overallCode).toBe(Code.OK);
    await freeSlots(nodes, readReceipt(first));
    await expect.poll(async () => (await takeSlot(nodes, 'once')).overallCode).toBe(Code.OK);
    expect((await takeSlot(nodes, 'once')).overallCode).toBe(Code.OVER_LIMIT);
    await freeSlots(nodes, readReceipt(second));
    await expect.poll(async () => (await takeSlot(nodes, 'once')).overallCode).toBe(Code.OK);
  });

  it('are not freed by negative hits without a receipt, or with an invalid one', async ({ nodes }) => {
    await takeSlot(nodes, 'without');
    await takeSlot(nodes, 'without');
    await rateLimit(nodes, { key: 'account', value: uniqueName('without'), isNegativeHits: true });
    for (const text of ['', 'garbage', readReceipt(await takeSlot(nodes, 'other')).slice(2)])
      await freeSlots(nodes, text);
    expect((await takeSlot(nodes, 'without')).overallCode).toBe(Code.OVER_LIMIT);
  });

  it('are freed by a receipt that leaves rate limits charged', async ({ nodes }) => {
    const receipt = readReceipt(await takeSlot(nodes, 'rates'));
    await freeSlots(nodes, receipt);
    await expect
      .poll(async () => (await rateLimit(nodes, { key: 'account', value: uniqueName('rates') })).overallCode)
      .toBe(Code.OK);
    const rate = await rateLimit(nodes, { key: 'rate_only', value: uniqueName('rates') });
    expect(rate.dynamicMetadata).not.toHaveProperty('receipt');
  });

  it('of a plan have a receipt too, in the domain plans', async ({ nodes }) => {
    const node = nodes[store];
    const administrator = await node.signIn();
    const planId = `slots-${store}`;
    const limits = [{ name: 'in-flight', requests: 1, window: '1h', algorithm: 'concurrency', onStoreFailure: 'deny' }];
    const plan = CreatePlanRequest.fromPartial({ planId, plan: { displayName: planId, limits } });
    await node.admin.call(PlanServiceService.createPlan, plan, administrator);
    const { name } = await node.createKey(administrator, planId);
    const takePlanSlot = () => {
      const descriptors = [{ entries: [{ key: 'api_key', value: name }] }];
      const request = RateLimitRequest.fromPartial({ domain: 'plans', descriptors });
      return node.decision.call(RateLimitServiceService.shouldRateLimit, request);
    };
    const granted = await takePlanSlot();
    expect((await takePlanSlot()).overallCode).toBe(Code.OVER_LIMIT);
    await freeSlots(nodes, readReceipt(granted));
    await expect.poll(async () => (await takePlanSlot()).overallCode).toBe(Code.OK);
  });

  it('have no receipt when the request is rejected', async ({ nodes }) => {
    await takeSlot(nodes, 'refused');
    await takeSlot(nodes, 'refused');
    expect((await takeSlot(nodes, 'refused')).dynamicMetadata).not.toHaveProperty('receipt');
  });
});
