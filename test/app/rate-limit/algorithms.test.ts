import { describe, expect } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  RateLimitResponse_RateLimit_Unit as Unit,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import { CreatePlanRequest, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { TokenInfoServiceService } from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { addedHeaders, check, httpStatus, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

/**
 * Limits that allow three requests at once, and whose window does not end while the test runs. The second part has the
 * fields that the API returns in another form.
 */
const THREE: readonly (readonly [written: Partial<Limit>, answered: Partial<Limit>])[] = [
  [{ algorithm: 'sliding_window', requests: 3, window: '1m', lease: true, onStoreFailure: 'deny' }, { window: '60s' }],
  [
    { algorithm: 'fixed_window', requests: 3, window: '365d', blockFor: '1h' },
    { window: '31536000s', blockFor: '3600s' },
  ],
  [{ algorithm: 'token_bucket', requests: 1, window: '1h', burst: 3 }, { window: '3600s' }],
  [{ algorithm: 'calendar', requests: 3, window: '1y', timeZone: 'asia/kolkata' }, { timeZone: 'Asia/Kolkata' }],
  [{ window: '1mo', requests: 3, anchorDay: findDistantDay() }, { algorithm: 'calendar' }],
  [{ algorithm: 'concurrency', requests: 3, window: '1h' }, { window: '3600s' }],
];

const RULES = `
domain: shop
defaults: {algorithm: fixed_window}
descriptors:
  - key: sliding_window
    rate_limit: {requests: 3, window: 60s, algorithm: sliding_window, lease: true, on_store_failure: deny}
  - key: fixed_window
    rate_limit: {requests_per_unit: 3, unit: year, block_for: 1h}
  - key: token_bucket
    rate_limit: {requests: 1, window: 1h, algorithm: token_bucket, burst: 3}
  - key: calendar
    rate_limit: {requests_per_unit: 3, unit: month, algorithm: calendar, anchor_day: ${findDistantDay()}}
  - key: concurrency
    rate_limit: {requests: 3, window: 1h, algorithm: concurrency}
  - key: unlimited
    rate_limit: {unlimited: true}
  - key: several
    limits:
      - {requests: 9, window: 365d}
      - {requests: 3, window: 1m, algorithm: sliding_window}
      - {unlimited: true}
`;

/** Returns a day of the month far from today, so that no month that begins on it starts or ends during the test. */
function findDistantDay(): number {
  return ((new Date().getUTCDate() + 13) % 28) + 1;
}

const it = test.override('rules', RULES);

async function rateLimitRepeatedly(node: TestNode, key: string, times: number) {
  const responses = [];
  for (let request = 0; request < times; request++)
    responses.push(await shouldRateLimit(node.decision, 'shop', [key, 'a']));
  return responses;
}

describe('a rule', () => {
  it.for([
    ['sliding_window', { unit: Unit.MINUTE }],
    ['fixed_window', { unit: Unit.YEAR }],
    ['token_bucket', { unit: Unit.HOUR, unitMultiplier: 3 }],
    ['calendar', { unit: Unit.MONTH }],
    ['concurrency', { unit: Unit.UNKNOWN }],
  ] as const)('with the algorithm %s allows three requests and rejects the fourth', async ([key, unit], { node }) => {
    const responses = await rateLimitRepeatedly(node, key, 4);
    expect(responses.map(({ overallCode }) => overallCode)).toEqual([Code.OK, Code.OK, Code.OK, Code.OVER_LIMIT]);
    expect(responses.map(({ statuses }) => statuses[0]?.limitRemaining)).toEqual([2, 1, 0, 0]);
    expect(responses[0]?.statuses[0]?.currentLimit).toEqual({ name: `shop.${key}`, requestsPerUnit: 3, ...unit });
  });

  it('that is unlimited allows every request and reports no limit', async ({ node }) => {
    const responses = await rateLimitRepeatedly(node, 'unlimited', 20);
    expect(new Set(responses.map(({ overallCode }) => overallCode))).toEqual(new Set([Code.OK]));
    expect(responses[19]?.statuses[0]?.currentLimit).toBeUndefined();
  });

  it('with several limits applies all of them together and names the one that decided', async ({ node }) => {
    const responses = await rateLimitRepeatedly(node, 'several', 4);
    expect(responses.map(({ overallCode }) => overallCode)).toEqual([Code.OK, Code.OK, Code.OK, Code.OVER_LIMIT]);
    expect(responses[3]?.statuses[0]?.currentLimit?.name).toBe('shop.several/1m');
  });
});

describe('a plan', () => {
  it.for(THREE.map(([written, answered], index) => [written, answered, `plan-${index}`] as const))(
    'with the limit %j allows three requests of a key and is returned as it was created',
    async ([written, answered, planId], { node, administrator }) => {
      const plan = { displayName: planId, limits: [{ name: 'three', ...written }] };
      const request = CreatePlanRequest.fromPartial({ planId, plan });
      const created = await node.admin.call(PlanServiceService.createPlan, request, administrator);
      expect(created.limits).toEqual([Limit.fromPartial({ name: 'three', ...written, ...answered })]);
      const { name, secret } = await node.createKey(administrator, planId);
      const codes = [];
      for (let count = 0; count < 4; count++) {
        codes.push((await shouldRateLimit(node.decision, 'plans', ['api_key', name])).overallCode);
      }
      expect(codes).toEqual([Code.OK, Code.OK, Code.OK, Code.OVER_LIMIT]);
      const info = await node.admin.call(TokenInfoServiceService.getTokenInfo, { secret });
      expect(info.limits).toEqual(created.limits);
    },
  );

  it('that is unlimited allows every request of a key', async ({ node, administrator }) => {
    const plan = { displayName: 'all', limits: [{ name: 'all', algorithm: 'unlimited' }] };
    const request = CreatePlanRequest.fromPartial({ planId: 'all', plan });
    const created = await node.admin.call(PlanServiceService.createPlan, request, administrator);
    expect(created.limits).toMatchObject([{ name: 'all', algorithm: 'unlimited', requests: 0, window: '' }]);
    const { secret } = await node.createKey(administrator, 'all');
    const responses = await Promise.all(
      Array.from({ length: 50 }, () => check(node.decision, { 'x-api-key': secret })),
    );
    expect(new Set(responses.map(httpStatus))).toEqual(new Set([200]));
  });

  it('with a token bucket reports its capacity as the limit, so that no more than that ever remains', async ({
    node,
    administrator,
  }) => {
    const { secret } = await node.createKey(administrator, 'plan-2');
    const headers = addedHeaders(await check(node.decision, { 'x-api-key': secret }));
    expect(headers).toMatchObject({
      'ratelimit-policy': '"three";q=3;w=10800',
      'x-ratelimit-limit': '3',
      'x-ratelimit-remaining': '2',
    });
  });
});
