import { describe, expect } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  type RateLimitResponse,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { addedHeaders, check, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';

const RULES = `domain: shop
descriptors:
  - {key: path, rate_limit: {requests: 2, window: 1h}}
  - key: user
    limits: [{name: short, requests: 5, window: 1m}, {name: long, requests: 3, window: 1h}]
  - {key: health, rate_limit: {unlimited: true}}
`;

const it = test.override('rules', RULES).extend('nodeWith', { scope: 'file' }, async ({ node, startNode }) => ({
  auto: node,
  all: await startNode({ RATE_LIMIT_HEADERS: 'all' }),
  refused: await startNode({ RATE_LIMIT_HEADERS: 'refused' }),
  off: await startNode({ RATE_LIMIT_HEADERS: 'off' }),
  shadow: await startNode({ SHADOW_MODE: 'true' }),
}));

function readHeaders({ responseHeadersToAdd }: RateLimitResponse): Record<string, string> {
  return Object.fromEntries(responseHeadersToAdd.map(({ key, value }) => [key, value]));
}

describe('a response of the rate limit service', () => {
  it('names the rule and the limit that decided, and reports all limits in headers', async ({ node }) => {
    const response = await shouldRateLimit(node.decision, 'shop', ['path', '/a'], ['user', 'u']);
    expect(response.dynamicMetadata).toEqual({ rule: 'shop.path', limit: '1h', remaining: 1, source: 'memory' });
    expect(response.statuses).toMatchObject([
      { code: Code.OK, currentLimit: { name: 'shop.path', requestsPerUnit: 2 }, limitRemaining: 1 },
      { code: Code.OK, currentLimit: { name: 'shop.user/long', requestsPerUnit: 3 }, limitRemaining: 2 },
    ]);
    expect(readHeaders(response)).toEqual({
      'ratelimit-policy': '"1h";q=2;w=3600, "short";q=5;w=60, "long";q=3;w=3600',
      ratelimit: '"1h";r=1;t=3600, "short";r=4;t=60, "long";r=2;t=3600',
    });
  });

  it('to a rejected request names the limit that rejected it and when to retry; the other descriptors are OK', async ({
    node,
  }) => {
    const rateLimit = () => shouldRateLimit(node.decision, 'shop', ['user', 'v'], ['path', '/b']);
    await rateLimit();
    await rateLimit();
    const rejected = await rateLimit();
    expect(rejected.dynamicMetadata).toEqual({ rule: 'shop.path', limit: '1h', remaining: 0, source: 'memory' });
    expect(rejected.statuses.map(({ code, limitRemaining }) => [code, limitRemaining])).toEqual([
      [Code.OK, 1],
      [Code.OVER_LIMIT, 0],
    ]);
    const { 'retry-after': retryAfter } = readHeaders(rejected);
    expect(Number(retryAfter)).toBeGreaterThan(3500);
    expect(Number(retryAfter)).toBeLessThanOrEqual(3600);
    expect(rejected.statuses[1]?.durationUntilReset?.seconds).toBe(Number(retryAfter));
  });

  it('has no headers without a limit, and reports the maximum as remaining for an unlimited rule', async ({ node }) => {
    const response = await shouldRateLimit(node.decision, 'shop', ['health', '/'], ['nobody', 'knows']);
    expect(response).toMatchObject({
      overallCode: Code.OK,
      responseHeadersToAdd: [],
      dynamicMetadata: { source: 'rules' },
    });
    expect(response.statuses.map(({ limitRemaining }) => limitRemaining)).toEqual([2 ** 32 - 1, 0]);
  });
});

it('SHADOW_MODE allows everything; the statuses and a metric show what it would have rejected', async ({
  nodeWith,
}) => {
  const node = nodeWith.shadow;
  const rateLimit = () => shouldRateLimit(node.decision, 'shop', ['path', '/d'], ['user', 'd']);
  await rateLimit();
  await rateLimit();
  const third = await rateLimit();
  expect(third.overallCode).toBe(Code.OK);
  expect(third.statuses.map(({ code }) => code)).toEqual([Code.OVER_LIMIT, Code.OK]);
  expect((await rateLimit()).statuses[1]?.limitRemaining).toBe(1); // Nothing was charged, as if the requests had been rejected.
  const metrics = await node.metrics();
  expect(metrics).toMatch(/^weir_decisions_total\{question="rate_limit",verdict="would_deny",source="memory"\} 2$/m);
});

describe.for([
  ['auto', true, true, false],
  ['all', true, true, true],
  ['refused', false, true, true],
  ['off', false, false, false],
] as const)('with RATE_LIMIT_HEADERS=%s', ([headers, onGrants, onRefusals, hasOlder]) => {
  it('the rate limit service adds the headers accordingly', async ({ nodeWith }) => {
    const rateLimit = async () =>
      Object.keys(readHeaders(await shouldRateLimit(nodeWith[headers].decision, 'shop', ['path', '/c'])));
    const older = hasOlder ? ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'] : [];
    const reported = ['ratelimit-policy', 'ratelimit', ...older];
    const granted = onGrants ? reported : [];
    const rejected = onRefusals ? [...reported, 'retry-after'] : [];
    expect([await rateLimit(), await rateLimit(), await rateLimit()]).toEqual([granted, granted, rejected]);
  });

  it('Check adds the headers accordingly', async ({ nodeWith }) => {
    const node = nodeWith[headers];
    const administrator = await node.signIn();
    const planId = `headers-${headers}`;
    await node.createPlan(administrator, planId, 1);
    const { secret } = await node.createKey(administrator, planId);
    const granted = await check(node.decision, { 'x-api-key': secret });
    expect('ratelimit' in addedHeaders(granted)).toBe(onGrants);
    const { httpResponse } = await check(node.decision, { 'x-api-key': secret });
    const names =
      httpResponse?.$case === 'deniedResponse' ? httpResponse.value.headers.map(({ header }) => header?.key) : [];
    expect(httpResponse?.$case).toBe('deniedResponse');
    expect(
      ['ratelimit', 'ratelimit-policy', 'x-ratelimit-limit', 'retry-after'].every((name) => names.includes(name)),
    ).toBe(onRefusals);
  });
});
