import { describe, expect } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { RateLimitUnit as Unit } from '../../../src/generated/envoy/type/v3/ratelimit_unit.ts';
import { shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const RULES = `domain: shop
descriptors:
  - {key: customer, rate_limit: {requests: 2, window: 1h}}
  - {key: tried, shadow_mode: true, rate_limit: {requests: 1, window: 1h}}
`;
const INVALID_ARGUMENT = 3;

const it = test.override('rules', RULES);

interface Override {
  readonly requestsPerUnit: number;
  readonly unit: Unit;
  readonly unitMultiplier?: number;
}

function createRequest(domain: string, key: string, value: string, limit: Override): RateLimitRequest {
  return RateLimitRequest.fromPartial({ domain, descriptors: [{ entries: [{ key, value }], limit }] });
}

function rateLimit(node: TestNode, key: string, value: string, limit: Override, domain = 'shop') {
  return node.decision.call(RateLimitServiceService.shouldRateLimit, createRequest(domain, key, value, limit));
}

describe('the limit of a descriptor', () => {
  it('replaces the limit of the rule, on the same counter if the window is the same', async ({ node }) => {
    await shouldRateLimit(node.decision, 'shop', ['customer', 'a']);
    const responses = [];
    for (let hit = 0; hit < 4; hit++)
      responses.push(await rateLimit(node, 'customer', 'a', { requestsPerUnit: 4, unit: Unit.HOUR }));
    expect(responses.map(({ overallCode }) => overallCode)).toEqual([Code.OK, Code.OK, Code.OK, Code.OVER_LIMIT]);
    expect(responses[0]?.statuses[0]).toMatchObject({
      currentLimit: { name: 'shop.customer', requestsPerUnit: 4, unit: Unit.HOUR },
      limitRemaining: 2,
    });
    expect((await shouldRateLimit(node.decision, 'shop', ['customer', 'a'])).overallCode).toBe(Code.OVER_LIMIT);
    // Another window has another counter.
    expect(
      (await rateLimit(node, 'customer', 'a', { requestsPerUnit: 4, unit: Unit.MINUTE })).statuses[0]?.limitRemaining,
    ).toBe(3);
  });

  it('applies without a rule, to each value separately, but not in a domain without rules', async ({ node }) => {
    const one = { requestsPerUnit: 1, unit: Unit.DAY };
    const codes = [
      await rateLimit(node, 'new', 'a', one),
      await rateLimit(node, 'new', 'a', one),
      await rateLimit(node, 'new', 'b', one),
    ];
    expect(codes.map(({ overallCode }) => overallCode)).toEqual([Code.OK, Code.OVER_LIMIT, Code.OK]);
    expect(codes[1]?.dynamicMetadata).toMatchObject({ rule: 'shop.new', limit: '1d', remaining: 0 });
    const elsewhere = await rateLimit(node, 'new', 'a', { ...one, requestsPerUnit: 0 }, 'nobody knows');
    expect(elsewhere).toMatchObject({ overallCode: Code.OK, statuses: [{ code: Code.OK, currentLimit: undefined }] });
  });

  it('has a window of unit_multiplier units', async ({ node }) => {
    const fiveMinutes = { requestsPerUnit: 1, unit: Unit.MINUTE, unitMultiplier: 5 };
    const granted = await rateLimit(node, 'customer', 'm', fiveMinutes);
    expect(granted).toMatchObject({
      overallCode: Code.OK,
      statuses: [{ currentLimit: { requestsPerUnit: 1, unit: Unit.MINUTE, unitMultiplier: 5 } }],
      dynamicMetadata: { limit: '5m' },
    });
    const rejected = await rateLimit(node, 'customer', 'm', fiveMinutes);
    expect(rejected.overallCode).toBe(Code.OVER_LIMIT);
    expect(rejected.statuses[0]?.durationUntilReset?.seconds).toBeGreaterThan(60);
    // 60 × MINUTE is the rule's own window, so this is its counter; 0 and 1 both mean one unit.
    await shouldRateLimit(node.decision, 'shop', ['customer', 'm']);
    const remaining = [];
    for (const limit of [
      { unit: Unit.MINUTE, unitMultiplier: 60 },
      { unit: Unit.HOUR, unitMultiplier: 0 },
      { unit: Unit.HOUR, unitMultiplier: 1 },
    ]) {
      const response = await rateLimit(node, 'customer', 'm', { requestsPerUnit: 9, ...limit });
      expect(response.statuses[0]?.currentLimit).toMatchObject({ unit: Unit.HOUR, unitMultiplier: undefined });
      remaining.push(response.statuses[0]?.limitRemaining);
    }
    expect(remaining).toEqual([7, 6, 5]);
  });

  it('rejects everything if it is 0, and announces no retry', async ({ node }) => {
    const rejected = await rateLimit(node, 'customer', 'b', { requestsPerUnit: 0, unit: Unit.SECOND });
    expect(rejected).toMatchObject({ overallCode: Code.OVER_LIMIT, statuses: [{ durationUntilReset: undefined }] });
    expect(rejected.responseHeadersToAdd.map(({ key }) => key)).not.toContain('retry-after');
    expect((await shouldRateLimit(node.decision, 'shop', ['customer', 'b'])).overallCode).toBe(Code.OK);
  });

  it('is enforced even if its rule is in shadow mode', async ({ node }) => {
    const none = { requestsPerUnit: 0, unit: Unit.SECOND };
    expect((await rateLimit(node, 'tried', 'a', none)).overallCode).toBe(Code.OVER_LIMIT);
  });

  it.for([
    [
      'no unit',
      'descriptors[0].limit.unit',
      createRequest('shop', 'customer', 'c', { requestsPerUnit: 1, unit: Unit.UNKNOWN }),
    ],
    [
      'an unknown unit',
      'descriptors[0].limit.unit',
      createRequest('shop', 'customer', 'c', { requestsPerUnit: 1, unit: 7 as Unit }),
    ],
    [
      'a window of more than ten years',
      'descriptors[0].limit.unit_multiplier',
      createRequest('shop', 'customer', 'c', { requestsPerUnit: 1, unit: Unit.DAY, unitMultiplier: 3651 }),
    ],
    [
      'the highest multiplier',
      'descriptors[0].limit.unit_multiplier',
      createRequest('shop', 'customer', 'c', { requestsPerUnit: 1, unit: Unit.YEAR, unitMultiplier: 2 ** 32 - 1 }),
    ],
    [
      'the domain plans',
      'descriptors[0].limit',
      createRequest('plans', 'api_key', 'k', { requestsPerUnit: 1, unit: Unit.HOUR }),
    ],
  ] as const)('is rejected as an invalid argument with %s', async ([_, field, request], { node }) => {
    const error = await node.decision.callAndFail(RateLimitServiceService.shouldRateLimit, request);
    expect(error.code).toBe(INVALID_ARGUMENT);
    expect(error.details).toContain(`${field}: `);
  });
});
