import { describe, expect } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { type Nodes, STORES, test } from '../../support/fixtures.ts';

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

const it = test.override('rules', RULES);

describe.for(STORES)('rule modes with counters in %s', (store) => {
  const uniqueName = (name: string) => `${name}-${store}-${process.pid}`;
  const rateLimit = (nodes: Nodes, ...keys: readonly (readonly [key: string, name: string])[]) =>
    shouldRateLimit(nodes[store].decision, 'shop', ...keys.map(([key, name]) => [key, uniqueName(name)] as const));
  const readRemaining = async (nodes: Nodes, key: string, name: string) => {
    const descriptors = [{ entries: [{ key, value: uniqueName(name) }], hitsAddend: 0 }];
    const request = RateLimitRequest.fromPartial({ domain: 'shop', descriptors });
    const { statuses } = await nodes[store].decision.call(RateLimitServiceService.shouldRateLimit, request);
    return statuses[0]?.limitRemaining;
  };
  const readMetric = async (nodes: Nodes, label: string) => {
    const text = await nodes[store].metrics();
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${label} `));
    return line === undefined ? 0 : Number(line.slice(label.length + 1));
  };

  it('a candidate rejects nothing, is charged as if it did, and reports what it would do', async ({ nodes }) => {
    const responses = [];
    for (let hit = 0; hit < 4; hit++) responses.push(await rateLimit(nodes, ['tried', 'a']));
    expect(responses.map(({ overallCode }) => overallCode)).toEqual(Array(4).fill(Code.OK));
    expect(responses.map(({ dynamicMetadata }) => dynamicMetadata?.would_deny)).toEqual([
      undefined,
      undefined,
      'shop.tried',
      'shop.tried',
    ]);
    expect(responses[3]?.statuses[0]).toMatchObject({ currentLimit: { requestsPerUnit: 9 }, limitRemaining: 5 });
    expect(await readMetric(nodes, 'weir_candidate_decisions_total{rule="shop.tried",verdict="ok"}')).toBe(2);
    expect(await readMetric(nodes, 'weir_candidate_decisions_total{rule="shop.tried",verdict="would_deny"}')).toBe(2);
  });

  it('a candidate is not charged for rejected requests', async ({ nodes }) => {
    for (let hit = 0; hit < 3; hit++) await rateLimit(nodes, ['live', 'b']);
    for (let hit = 0; hit < 5; hit++)
      expect((await rateLimit(nodes, ['live', 'b'], ['tried', 'b'])).overallCode).toBe(Code.OVER_LIMIT);
    for (let hit = 0; hit < 2; hit++) {
      expect((await rateLimit(nodes, ['tried', 'b'])).dynamicMetadata).not.toHaveProperty('would_deny');
    }
    expect((await rateLimit(nodes, ['tried', 'b'])).dynamicMetadata).toMatchObject({ would_deny: 'shop.tried' });
  });

  it('a candidate works on a rule that is unlimited so far', async ({ nodes }) => {
    expect((await rateLimit(nodes, ['open', 'c'])).dynamicMetadata).not.toHaveProperty('would_deny');
    expect((await rateLimit(nodes, ['open', 'c'])).dynamicMetadata).toMatchObject({ would_deny: 'shop.open' });
  });

  it('rules in quota mode reject only together; the status of each shows whether it is used up', async ({ nodes }) => {
    const both = () => rateLimit(nodes, ['small', 'd'], ['large', 'd'], ['plain', 'd']);
    const codes = async () => {
      const { overallCode, statuses } = await both();
      return [overallCode, ...statuses.map(({ code }) => code)];
    };
    expect(await codes()).toEqual([Code.OK, Code.OK, Code.OK, Code.OK]);
    expect(await codes()).toEqual([Code.OK, Code.OVER_LIMIT, Code.OK, Code.OK]);
    expect(await codes()).toEqual([Code.OK, Code.OVER_LIMIT, Code.OK, Code.OK]);
    expect(await codes()).toEqual([Code.OVER_LIMIT, Code.OVER_LIMIT, Code.OVER_LIMIT, Code.OK]);
    // A request that the quotas reject together is charged nothing.
    await expect.poll(() => readRemaining(nodes, 'plain', 'd')).toBe(6);
    expect((await rateLimit(nodes, ['small', 'd'])).overallCode).toBe(Code.OVER_LIMIT);
  });

  it('quotas are not charged for requests that another limit rejects', async ({ nodes }) => {
    for (let hit = 0; hit < 4; hit++)
      expect((await rateLimit(nodes, ['never', 'e'], ['small', 'e'])).overallCode).toBe(Code.OVER_LIMIT);
    expect((await rateLimit(nodes, ['small', 'e'])).statuses[0]).toMatchObject({ code: Code.OK, limitRemaining: 0 });
  });

  it('the metadata of the rules that allow a request is merged; the first rule takes precedence', async ({ nodes }) => {
    const deep = { a: 'x', b: 'y' };
    const passing = await rateLimit(nodes, ['live', 'f'], ['small', 'f']);
    expect(passing.dynamicMetadata?.metadata).toEqual({ tier: 'gold', list: [1, true, null], deep });
    const usedUp = await rateLimit(nodes, ['live', 'f'], ['small', 'f']);
    expect(usedUp.dynamicMetadata?.metadata).toEqual({ tier: 'gold', list: [1, true, null], deep: { a: 'x' } });
    expect((await rateLimit(nodes, ['plain', 'f'])).dynamicMetadata).not.toHaveProperty('metadata');
  });

  it('metrics name rules by their path, with values if the rule says so', async ({ nodes }) => {
    for (let hit = 0; hit < 2; hit++) await rateLimit(nodes, ['valued', 'g'], ['plain', 'g']);
    const count = (rule: string, verdict: string) =>
      readMetric(nodes, `weir_rule_decisions_total{rule="${rule}",verdict="${verdict}"}`);
    expect(await count(`shop.valued_${uniqueName('g')}`, 'ok')).toBe(1);
    expect(await count(`shop.valued_${uniqueName('g')}`, 'over_limit')).toBe(1);
    expect(await count('shop.plain', 'ok')).toBeGreaterThanOrEqual(2);
  });
});
