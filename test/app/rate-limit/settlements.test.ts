import { describe, expect } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  type RateLimitResponse,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { CreatePlanRequest, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { type Nodes, STORES, test } from '../../support/fixtures.ts';

const RULES = `domain: ai
descriptors:
  - key: account
    limits:
      - {name: minute, requests: 1000, window: 1h, settle: true, on_store_failure: deny}
      - {name: month, requests: 5000, window: 1mo, algorithm: calendar, settle: true, on_store_failure: deny}
  - key: in_flight
    rate_limit: {name: slots, requests: 1, window: 1h, algorithm: concurrency, on_store_failure: deny}
`;

const it = test.override('rules', RULES);

type Asked = readonly [key: string, value: string, hits: number, isNegativeHits?: boolean];

describe.for(STORES)('settlements with counters in %s', (store) => {
  const account = (name: string) => `${name}-${store}-${process.pid}`;
  const ask = (nodes: Nodes, ...asked: readonly Asked[]): Promise<RateLimitResponse> => {
    const descriptors = asked.map(([key, value, hitsAddend, isNegativeHits = false]) => {
      return { entries: [{ key, value }], hitsAddend, isNegativeHits };
    });
    const request = RateLimitRequest.fromPartial({ domain: 'ai', descriptors });
    return nodes[store].decision.call(RateLimitServiceService.shouldRateLimit, request);
  };
  const readReceipt = ({ dynamicMetadata }: RateLimitResponse) => String(dynamicMetadata?.receipt);
  /** Returns what remains of both budgets, as the response headers list them. */
  const remainingBudgets = async (nodes: Nodes, name: string) => {
    const { responseHeadersToAdd } = await ask(nodes, ['account', account(name), 0]);
    const header = responseHeadersToAdd.find(({ key }) => key === 'ratelimit')?.value ?? '';
    return [...header.matchAll(/r=(\d+)/g)].map(([, remaining]) => Number(remaining));
  };
  const receipts = async (nodes: Nodes, use: string, result: string) => {
    const text = await nodes[store].metrics();
    const label = `weir_receipts_total{use="${use}",result="${result}"} `;
    return Number(
      text
        .split('\n')
        .find((line) => line.startsWith(label))
        ?.slice(label.length) ?? 0,
    );
  };

  it('replace the reserved amount with the real cost, lower or higher, once per receipt', async ({ nodes }) => {
    const less = await ask(nodes, ['account', account('a'), 300]);
    expect(await remainingBudgets(nodes, 'a')).toEqual([700, 4700]);
    expect((await ask(nodes, ['receipt', readReceipt(less), 120])).overallCode).toBe(Code.OK);
    await expect.poll(() => remainingBudgets(nodes, 'a')).toEqual([880, 4880]);
    const more = await ask(nodes, ['account', account('a'), 300]);
    await ask(nodes, ['receipt', readReceipt(more), 1000]);
    await expect.poll(() => remainingBudgets(nodes, 'a')).toEqual([0, 3880]);
    expect((await ask(nodes, ['account', account('a'), 1])).overallCode).toBe(Code.OVER_LIMIT);
    const ignored = await receipts(nodes, 'settle', 'ignored');
    for (const receipt of [less, more]) await ask(nodes, ['receipt', readReceipt(receipt), 2000]);
    await expect.poll(() => receipts(nodes, 'settle', 'ignored')).toBe(ignored + 2);
    expect(await remainingBudgets(nodes, 'a')).toEqual([0, 3880]);
  });

  it('also refund the slots of the same grant', async ({ nodes }) => {
    const take = () => ask(nodes, ['account', account('b'), 300], ['in_flight', account('b'), 1]);
    const granted = await take();
    expect((await take()).overallCode).toBe(Code.OVER_LIMIT);
    await ask(nodes, ['receipt', readReceipt(granted), 40]);
    await expect.poll(() => remainingBudgets(nodes, 'b')).toEqual([960, 4960]);
    const again = await take();
    expect(again.overallCode).toBe(Code.OK);
    await ask(nodes, ['receipt', readReceipt(again), 0]);
    await expect.poll(() => remainingBudgets(nodes, 'b')).toEqual([960, 4960]);
  });

  it('with negative hits refund the whole grant; without a valid receipt they refund nothing and are counted', async ({
    nodes,
  }) => {
    const granted = await ask(nodes, ['account', account('c'), 300]);
    const missing = await receipts(nodes, 'give_back', 'missing');
    await ask(nodes, ['account', account('c'), 300, true]);
    await ask(nodes, ['receipt', 'garbage', 300, true]);
    await expect.poll(() => receipts(nodes, 'give_back', 'missing')).toBe(missing + 2);
    expect(await remainingBudgets(nodes, 'c')).toEqual([700, 4700]);
    await ask(nodes, ['receipt', readReceipt(granted), 300, true]);
    await expect.poll(() => remainingBudgets(nodes, 'c')).toEqual([1000, 5000]);
  });

  it('work for the limits of a plan too', async ({ nodes }) => {
    const node = nodes[store];
    const administrator = await node.signIn();
    const planId = `tokens-${store}`;
    const limits = [{ name: 'tokens', requests: 1000, window: '1h', settle: true, onStoreFailure: 'deny' }];
    const plan = CreatePlanRequest.fromPartial({ planId, plan: { displayName: planId, limits } });
    await node.admin.call(PlanServiceService.createPlan, plan, administrator);
    const { name } = await node.createKey(administrator, planId);
    const askPlan = (hitsAddend: number) => {
      const descriptors = [{ entries: [{ key: 'api_key', value: name }], hitsAddend }];
      const request = RateLimitRequest.fromPartial({ domain: 'plans', descriptors });
      return node.decision.call(RateLimitServiceService.shouldRateLimit, request);
    };
    const granted = await askPlan(600);
    await ask(nodes, ['receipt', readReceipt(granted), 250]);
    await expect.poll(async () => (await askPlan(0)).statuses[0]?.limitRemaining).toBe(750);
  });
});
