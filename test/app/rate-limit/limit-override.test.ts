import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { RateLimitUnit as Unit } from '../../../src/generated/envoy/type/v3/ratelimit_unit.ts';
import { newDatabase } from '../../support/databases.ts';
import { TestNode } from '../../support/node.ts';
import { shouldRateLimit } from '../../support/questions.ts';
import { useRules } from '../../support/rules-nodes.ts';

const RULES = `domain: shop
descriptors:
  - {key: customer, rate_limit: {requests: 2, window: 1h}}
  - {key: tried, shadow_mode: true, rate_limit: {requests: 1, window: 1h}}
`;
const INVALID_ARGUMENT = 3;

const rules = useRules(RULES);
let node: TestNode;

beforeAll(async () => {
  node = await TestNode.start({ DATABASE_URL: await newDatabase(), RULES_PATH: rules() });
});
afterAll(() => node?.stop());

interface Override {
  readonly requestsPerUnit: number;
  readonly unit: Unit;
}

function asking(domain: string, key: string, value: string, limit: Override): RateLimitRequest {
  return RateLimitRequest.fromPartial({ domain, descriptors: [{ entries: [{ key, value }], limit }] });
}

function ask(key: string, value: string, limit: Override, domain = 'shop') {
  return node.decision.call(RateLimitServiceService.shouldRateLimit, asking(domain, key, value, limit));
}

describe('a descriptor’s limit', () => {
  it('takes the place of its rule’s, on the same counter where the window is the same', async () => {
    await shouldRateLimit(node.decision, 'shop', ['customer', 'a']);
    const answers = [];
    for (let hit = 0; hit < 4; hit++) answers.push(await ask('customer', 'a', { requestsPerUnit: 4, unit: Unit.HOUR }));
    expect(answers.map(({ overallCode }) => overallCode)).toEqual([Code.OK, Code.OK, Code.OK, Code.OVER_LIMIT]);
    expect(answers[0]?.statuses[0]).toMatchObject({
      currentLimit: { name: 'shop.customer', requestsPerUnit: 4, unit: Unit.HOUR },
      limitRemaining: 2,
    });
    expect((await shouldRateLimit(node.decision, 'shop', ['customer', 'a'])).overallCode).toBe(Code.OVER_LIMIT);
    // Another window is another counter.
    expect((await ask('customer', 'a', { requestsPerUnit: 4, unit: Unit.MINUTE })).statuses[0]?.limitRemaining).toBe(3);
  });

  it('limits where no rule does, each value for itself, but not in a domain that has no rules', async () => {
    const one = { requestsPerUnit: 1, unit: Unit.DAY };
    const codes = [await ask('new', 'a', one), await ask('new', 'a', one), await ask('new', 'b', one)];
    expect(codes.map(({ overallCode }) => overallCode)).toEqual([Code.OK, Code.OVER_LIMIT, Code.OK]);
    expect(codes[1]?.dynamicMetadata).toMatchObject({ rule: 'shop.new', limit: '1d', remaining: 0 });
    const elsewhere = await ask('new', 'a', { ...one, requestsPerUnit: 0 }, 'nobody knows');
    expect(elsewhere).toMatchObject({ overallCode: Code.OK, statuses: [{ code: Code.OK, currentLimit: undefined }] });
  });

  it('of 0 refuses everything, and promises no retry', async () => {
    const refused = await ask('customer', 'b', { requestsPerUnit: 0, unit: Unit.SECOND });
    expect(refused).toMatchObject({ overallCode: Code.OVER_LIMIT, statuses: [{ durationUntilReset: undefined }] });
    expect(refused.responseHeadersToAdd.map(({ key }) => key)).not.toContain('retry-after');
    expect((await shouldRateLimit(node.decision, 'shop', ['customer', 'b'])).overallCode).toBe(Code.OK);
  });

  it('is in earnest also where its rule is in shadow mode', async () => {
    const none = { requestsPerUnit: 0, unit: Unit.SECOND };
    expect((await ask('tried', 'a', none)).overallCode).toBe(Code.OVER_LIMIT);
  });

  it.each([
    ['descriptors[0].limit.unit', asking('shop', 'customer', 'c', { requestsPerUnit: 1, unit: Unit.UNKNOWN })],
    ['descriptors[0].limit.unit', asking('shop', 'customer', 'c', { requestsPerUnit: 1, unit: 7 as Unit })],
    ['descriptors[0].limit', asking('plans', 'api_key', 'k', { requestsPerUnit: 1, unit: Unit.HOUR })],
  ])('that is wrong is an invalid argument: %s', async (field, request) => {
    const error = await node.decision.failing(RateLimitServiceService.shouldRateLimit, request);
    expect(error.code).toBe(INVALID_ARGUMENT);
    expect(error.details).toContain(`${field}: `);
  });
});
