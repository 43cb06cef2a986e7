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

type ChargedEntry = readonly [key: string, value: string, hits: number, isNegativeHits?: boolean];

describe.for(STORES)('settlements with counters in %s', (store) => {
  const uniqueAccount = (name: string) => `${name}-${store}-${process.pid}`;
  const rateLimit = (nodes: Nodes, ...entries: readonly ChargedEntry[]): Promise<RateLimitResponse> => {
    const descriptors = entries.map(([key, value, hitsAddend, isNegativeHits = false]) => {
      return { entries: [{ key, value }], hitsAddend, isNegativeHits };
    });
    const request = RateLimitRequest.fromPartial({ domain: 'ai', descriptors });
    return nodes[store].decision.call(RateLimitServiceService.shouldRateLimit, request);
  };
  const readReceipt = ({ dynamicMetadata }: RateLimitResponse) => String(dynamicMetadata?.receipt);
  /** Returns what remains of both budgets, as the response headers list them. */
  const readRemainingBudgets = async (nodes: Nodes, name: string) => {
    const { responseHeadersToAdd } = await rateLimit(nodes, ['account', uniqueAccount(name), 0]);
    const header = responseHeadersToAdd.find(({ key }) => key === 'ratelimit')?.value ?? '';
    return [...header.matchAll(/r=(\d+)/g)].map(([, remaining]) => Number(remaining));
  };
  const countReceipts = async (nodes: Nodes, use: string, result: string) => {
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
    const less = await rateLimit(nodes, ['account', uniqueAccount('a'), 300]);
    expect(await readRemainingBudgets(nodes, 'a')).toEqual([700, 4700]);
    expect((await rateLimit(nodes, ['receipt', readReceipt(less), 120])).overallCode).toBe(Code.OK);
    await expect.poll(() => readRemainingBudgets(nodes, 'a')).toEqual([880, 4880]);
    const more = await rateLimit(nodes, ['account', uniqueAccount('a'), 300]);
    await rateLimit(nodes, ['receipt', readReceipt(more), 1000]);
    await expect.poll(() => readRemainingBudgets(nodes, 'a')).toEqual([0, 3880]);
    expect((await rateLimit(nodes, ['account', uniqueAccount('a'), 1])).overallCode).toBe(Code.OVER_LIMIT);
    const ignored = await countReceipts(nodes, 'settle', 'ignored');
    for (const receipt of [less, more]) await rateLimit(nodes, ['receipt', readReceipt(receipt), 2000]);
    await expect.poll(() => countReceipts(nodes, 'settle', 'ignored')).toBe(ignored + 2);
    expect(await readRemainingBudgets(nodes, 'a')).toEqual([0, 3880]);
  });

  it('also refund the slots of the same grant', async ({ nodes }) => {
    const take = () => rateLimit(nodes, ['account', uniqueAccount('b'), 300], ['in_flight', uniqueAccount('b'), 1]);
    const granted = await take();
    expect((await take()).overallCode).toBe(Code.OVER_LIMIT);
    await rateLimit(nodes, ['receipt', readReceipt(granted), 40]);
    await expect.poll(() => readRemainingBudgets(nodes, 'b')).toEqual([960, 4960]);
    const again = await take();
    expect(again.overallCode).toBe(Code.OK);
    await rateLimit(nodes, ['receipt', readReceipt(again), 0]);
    await expect.poll(() => readRemainingBudgets(nodes, 'b')).toEqual([960, 4960]);
  });

  it('with negative hits refund the whole grant; without a valid receipt they refund nothing and are counted', async ({
    nodes,
  }) => {
    const granted = await rateLimit(nodes, ['account', uniqueAccount('c'), 300]);
    const missing = await countReceipts(nodes, 'give_back', 'missing');
    await rateLimit(nodes, ['account', uniqueAccount('c'), 300, true]);
    await rateLimit(nodes, ['receipt', 'garbage', 300, true]);
    await expect.poll(() => countReceipts(nodes, 'give_back', 'missing')).toBe(missing + 2);
    expect(await readRemainingBudgets(nodes, 'c')).toEqual([700, 4700]);
    await rateLimit(nodes, ['receipt', readReceipt(granted), 300, true]);
    await expect.poll(() => readRemainingBudgets(nodes, 'c')).toEqual([1000, 5000]);
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
    await rateLimit(nodes, ['receipt', readReceipt(granted), 250]);
    await expect.poll(async () => (await askPlan(0)).statuses[0]?.limitRemaining).toBe(750);
  });
});
