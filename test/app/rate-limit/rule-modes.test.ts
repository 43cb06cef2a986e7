import { describe, expect, it } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { shouldRateLimit } from '../../support/decision-calls.ts';
import { useMemoryAndRedis } from '../../support/rules-nodes.ts';

const HOUR = 'window: 1h, on_store_failure: deny';
const RULES = `domain: shop
descriptors:
  - {key: live, rate_limit: {requests: 3, ${HOUR}}, metadata: {tier: gold, list: [1, true, null], deep: {a: x}}}
  - {key: tried, rate_limit: {requests: 9, ${HOUR}}, candidate: {requests: 2, ${HOUR}}}
  - {key: open, rate_limit: {unlimited: true}, candidate: {requests: 1, ${HOUR}}}
  - {key: small, quota_mode: true, rate_limit: {requests: 1, ${HOUR}}, metadata: {tier: silver, deep: {b: y}}}
  - {key: large, quota_mode: true, rate_limit: {requests: 3, ${HOUR}}}
  - {key: never, rate_limit: {unit: hour, requests_per_unit: 0}}
  - {key: plain, rate_limit: {requests: 9, ${HOUR}}}
  - {key: valued, value_to_metric: true, rate_limit: {requests: 1, ${HOUR}}}
  - key: tenant
    descriptors: [{key: detailed, detailed_metric: true, rate_limit: {requests: 9, ${HOUR}}}]
`;

const nodeAt = useMemoryAndRedis(RULES);

describe.each([
  [0, 'memory'],
  [1, 'Redis'],
])('rules with counters in %#: %s', (place) => {
  const nodeHere = () => {
    const node = nodeAt(place);
    return node;
  };
  const subject = (name: string) => `${name}-${place}-${process.pid}`;
  const ask = (...keys: readonly (readonly [key: string, name: string])[]) =>
    shouldRateLimit(nodeHere().decision, 'shop', ...keys.map(([key, name]) => [key, subject(name)] as const));
  const remaining = async (key: string, name: string) => {
    const descriptors = [{ entries: [{ key, value: subject(name) }], hitsAddend: 0 }];
    const request = RateLimitRequest.fromPartial({ domain: 'shop', descriptors });
    const { statuses } = await nodeHere().decision.call(RateLimitServiceService.shouldRateLimit, request);
    return statuses[0]?.limitRemaining;
  };
  const metric = async (label: string) => {
    const text = await (await fetch(`http://127.0.0.1:${nodeHere().app.ports.http}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`${label} `));
    return line === undefined ? 0 : Number(line.slice(label.length + 1));
  };

  it('a candidate refuses nothing, is charged as if it did, and tells what it would do', async () => {
    const told = [];
    for (let hit = 0; hit < 4; hit++) told.push(await ask(['tried', 'a']));
    expect(told.map(({ overallCode }) => overallCode)).toEqual(Array(4).fill(Code.OK));
    expect(told.map(({ dynamicMetadata }) => dynamicMetadata?.would_deny)).toEqual([
      undefined,
      undefined,
      'shop.tried',
      'shop.tried',
    ]);
    expect(told[3]?.statuses[0]).toMatchObject({ currentLimit: { requestsPerUnit: 9 }, limitRemaining: 5 });
    expect(await metric('weir_candidate_decisions_total{rule="shop.tried",verdict="ok"}')).toBe(2);
    expect(await metric('weir_candidate_decisions_total{rule="shop.tried",verdict="would_deny"}')).toBe(2);
  });

  it('a candidate is not charged for requests that are refused, nor where its rule is only looked at', async () => {
    for (let hit = 0; hit < 3; hit++) await ask(['live', 'b']);
    for (let hit = 0; hit < 5; hit++)
      expect((await ask(['live', 'b'], ['tried', 'b'])).overallCode).toBe(Code.OVER_LIMIT);
    for (let hit = 0; hit < 2; hit++) {
      expect((await ask(['tried', 'b'])).dynamicMetadata).not.toHaveProperty('would_deny');
    }
    expect((await ask(['tried', 'b'])).dynamicMetadata).toMatchObject({ would_deny: 'shop.tried' });
  });

  it('a candidate may be tried where nothing limits yet', async () => {
    expect((await ask(['open', 'c'])).dynamicMetadata).not.toHaveProperty('would_deny');
    expect((await ask(['open', 'c'])).dynamicMetadata).toMatchObject({ would_deny: 'shop.open' });
  });

  it('rules in quota mode refuse only together, and each says by its status whether it is used up', async () => {
    const both = () => ask(['small', 'd'], ['large', 'd'], ['plain', 'd']);
    const codes = async () => {
      const { overallCode, statuses } = await both();
      return [overallCode, ...statuses.map(({ code }) => code)];
    };
    expect(await codes()).toEqual([Code.OK, Code.OK, Code.OK, Code.OK]);
    expect(await codes()).toEqual([Code.OK, Code.OVER_LIMIT, Code.OK, Code.OK]);
    expect(await codes()).toEqual([Code.OK, Code.OVER_LIMIT, Code.OK, Code.OK]);
    expect(await codes()).toEqual([Code.OVER_LIMIT, Code.OVER_LIMIT, Code.OVER_LIMIT, Code.OK]);
    // What is refused so is charged nothing: it is given back.
    await expect.poll(() => remaining('plain', 'd')).toBe(6);
    expect((await ask(['small', 'd'])).overallCode).toBe(Code.OVER_LIMIT);
  });

  it('quotas are not charged for requests that another limit refuses', async () => {
    for (let hit = 0; hit < 4; hit++)
      expect((await ask(['never', 'e'], ['small', 'e'])).overallCode).toBe(Code.OVER_LIMIT);
    expect((await ask(['small', 'e'])).statuses[0]).toMatchObject({ code: Code.OK, limitRemaining: 0 });
  });

  it('metadata of the rules that let pass is told, merged, the first one first', async () => {
    const deep = { a: 'x', b: 'y' };
    const passing = await ask(['live', 'f'], ['small', 'f']);
    expect(passing.dynamicMetadata?.metadata).toEqual({ tier: 'gold', list: [1, true, null], deep });
    const usedUp = await ask(['live', 'f'], ['small', 'f']);
    expect(usedUp.dynamicMetadata?.metadata).toEqual({ tier: 'gold', list: [1, true, null], deep: { a: 'x' } });
    expect((await ask(['plain', 'f'])).dynamicMetadata).not.toHaveProperty('metadata');
  });

  it('metrics name rules by their path, and with values where the rule says so', async () => {
    for (let hit = 0; hit < 2; hit++) await ask(['valued', 'g'], ['plain', 'g']);
    const count = (rule: string, verdict: string) =>
      metric(`weir_rule_decisions_total{rule="${rule}",verdict="${verdict}"}`);
    expect(await count(`shop.valued_${subject('g')}`, 'ok')).toBe(1);
    expect(await count(`shop.valued_${subject('g')}`, 'over_limit')).toBe(1);
    expect(await count('shop.plain', 'ok')).toBeGreaterThanOrEqual(2);
  });
});
