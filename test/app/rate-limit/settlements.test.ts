import { describe, expect, it } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  type RateLimitResponse,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { CreatePlanRequest, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { useMemoryAndRedis } from '../../support/rules-nodes.ts';

const RULES = `domain: ai
descriptors:
  - key: account
    limits:
      - {name: minute, requests: 1000, window: 1h, settle: true, on_store_failure: deny}
      - {name: month, requests: 5000, window: 1mo, algorithm: calendar, settle: true, on_store_failure: deny}
  - key: in_flight
    rate_limit: {name: slots, requests: 1, window: 1h, algorithm: concurrency, on_store_failure: deny}
`;

const nodeAt = useMemoryAndRedis(RULES);

type Asked = readonly [key: string, value: string, hits: number, isNegativeHits?: boolean];

describe.each([
  [0, 'memory'],
  [1, 'Redis'],
])('settlements with counters in %#: %s', (place) => {
  const account = (name: string) => `${name}-${place}-${process.pid}`;
  const nodeHere = () => {
    const node = nodeAt(place);
    return node;
  };
  const ask = (...asked: readonly Asked[]): Promise<RateLimitResponse> => {
    const descriptors = asked.map(([key, value, hitsAddend, isNegativeHits = false]) => {
      return { entries: [{ key, value }], hitsAddend, isNegativeHits };
    });
    const request = RateLimitRequest.fromPartial({ domain: 'ai', descriptors });
    return nodeHere().decision.call(RateLimitServiceService.shouldRateLimit, request);
  };
  const receiptOf = ({ dynamicMetadata }: RateLimitResponse) => String(dynamicMetadata?.receipt);
  /** Of both budgets, as the headers for clients list them. */
  const left = async (name: string) => {
    const { responseHeadersToAdd } = await ask(['account', account(name), 0]);
    const told = responseHeadersToAdd.find(({ key }) => key === 'ratelimit')?.value ?? '';
    return [...told.matchAll(/r=(\d+)/g)].map(([, remaining]) => Number(remaining));
  };
  const receipts = async (use: string, result: string) => {
    const text = await (await fetch(`http://127.0.0.1:${nodeHere().app.ports.http}/metrics`)).text();
    const label = `weir_receipts_total{use="${use}",result="${result}"} `;
    return Number(
      text
        .split('\n')
        .find((line) => line.startsWith(label))
        ?.slice(label.length) ?? 0,
    );
  };

  it('replace what was reserved by what it really cost, less or more, once for each receipt', async () => {
    const less = await ask(['account', account('a'), 300]);
    expect(await left('a')).toEqual([700, 4700]);
    expect((await ask(['receipt', receiptOf(less), 120])).overallCode).toBe(Code.OK);
    await expect.poll(() => left('a')).toEqual([880, 4880]);
    const more = await ask(['account', account('a'), 300]);
    await ask(['receipt', receiptOf(more), 1000]);
    await expect.poll(() => left('a')).toEqual([0, 3880]);
    expect((await ask(['account', account('a'), 1])).overallCode).toBe(Code.OVER_LIMIT);
    const ignored = await receipts('settle', 'ignored');
    for (const receipt of [less, more]) await ask(['receipt', receiptOf(receipt), 2000]);
    await expect.poll(() => receipts('settle', 'ignored')).toBe(ignored + 2);
    expect(await left('a')).toEqual([0, 3880]);
  });

  it('give the slots of the same grant back', async () => {
    const take = () => ask(['account', account('b'), 300], ['in_flight', account('b'), 1]);
    const granted = await take();
    expect((await take()).overallCode).toBe(Code.OVER_LIMIT);
    await ask(['receipt', receiptOf(granted), 40]);
    await expect.poll(() => left('b')).toEqual([960, 4960]);
    const again = await take();
    expect(again.overallCode).toBe(Code.OK);
    await ask(['receipt', receiptOf(again), 0]);
    await expect.poll(() => left('b')).toEqual([960, 4960]);
  });

  it('by negative hits give all back that the grant took; without a receipt nothing, which is counted', async () => {
    const granted = await ask(['account', account('c'), 300]);
    const missing = await receipts('give_back', 'missing');
    await ask(['account', account('c'), 300, true]);
    await ask(['receipt', 'garbage', 300, true]);
    await expect.poll(() => receipts('give_back', 'missing')).toBe(missing + 2);
    expect(await left('c')).toEqual([700, 4700]);
    await ask(['receipt', receiptOf(granted), 300, true]);
    await expect.poll(() => left('c')).toEqual([1000, 5000]);
  });

  it('are there for the limits of a plan as well', async () => {
    const node = nodeHere();
    const administrator = await node.signIn();
    const planId = `tokens-${place}`;
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
    await ask(['receipt', receiptOf(granted), 250]);
    await expect.poll(async () => (await askPlan(0)).statuses[0]?.limitRemaining).toBe(750);
  });
});
