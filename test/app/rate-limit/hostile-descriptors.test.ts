import { describe, expect } from 'vitest';
import { decodeRateLimitRequest } from '../../../src/envoy/rate-limit/rate-limit-request.ts';
import { InvalidRequest } from '../../../src/envoy/wire/decode-message.ts';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const RULES = `domain: shop
descriptors:
  - {key: user, rate_limit: {requests: 2, window: 1h}}
  - {key: path, value: "/a*/b*/c*/d", rate_limit: {requests: 2, window: 1h}}
`;
const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;

type Entries = readonly (readonly [key: string, value: string])[];

const it = test.override('rules', RULES);

function createRequest(...descriptors: readonly Entries[]): RateLimitRequest {
  const messages = descriptors.map((entries) => ({ entries: entries.map(([key, value]) => ({ key, value })) }));
  return RateLimitRequest.fromPartial({ domain: 'shop', descriptors: messages });
}

function rateLimit(node: TestNode, ...descriptors: readonly Entries[]) {
  return node.decision.call(RateLimitServiceService.shouldRateLimit, createRequest(...descriptors));
}

function rateLimitAndFail(node: TestNode, ...descriptors: readonly Entries[]) {
  return node.decision.callAndFail(RateLimitServiceService.shouldRateLimit, createRequest(...descriptors));
}

function repeat<Item>(count: number, item: () => Item): Item[] {
  return Array.from({ length: count }, item);
}

describe('an extreme rate limit request', () => {
  it('may have 64 descriptors; with more, the error names the field', async ({ node }) => {
    const descriptor = (): Entries => [['user', 'u']];
    expect((await rateLimit(node, ...repeat(64, descriptor))).statuses).toHaveLength(64);
    for (const count of [65, 1000, 60_000]) {
      const error = await rateLimitAndFail(node, ...repeat(count, descriptor));
      expect(error).toMatchObject({
        code: INVALID_ARGUMENT,
        details: 'descriptors: must have at most 64 items (got more)',
      });
    }
  });

  it('may have 64 entries in a descriptor; with more, the error names the field', async ({ node }) => {
    const entry = (): readonly [string, string] => ['user', 'u'];
    expect((await rateLimit(node, repeat(64, entry))).overallCode).toBe(Code.OK);
    for (const count of [65, 50_000]) {
      expect(await rateLimitAndFail(node, [['user', 'u']], repeat(count, entry))).toMatchObject({
        code: INVALID_ARGUMENT,
        details: 'descriptors[1].entries: must have at most 64 items (got more)',
      });
    }
  });

  it('may have a value of almost a megabyte, which is counted like any other; a longer message is rejected', async ({
    node,
  }) => {
    const value = 'v'.repeat(1_000_000);
    const codes = [];
    for (let hit = 0; hit < 3; hit++) codes.push((await rateLimit(node, [['user', value]])).overallCode);
    expect(codes).toEqual([Code.OK, Code.OK, Code.OVER_LIMIT]);
    expect((await rateLimit(node, [['user', `${value}w`]])).overallCode).toBe(Code.OK);
    expect((await rateLimit(node, [['path', `/a${'/b/c'.repeat(240_000)}`]])).overallCode).toBe(Code.OK);
    expect(await rateLimitAndFail(node, [['user', 'v'.repeat(1_100_000)]])).toMatchObject({ code: RESOURCE_EXHAUSTED });
  });

  it('may have empty keys and values', async ({ node }) => {
    const response = await rateLimit(node, [['', '']], [['', 'v']], [['user', '']]);
    expect(response.overallCode).toBe(Code.OK);
    expect(response.statuses.map(({ currentLimit }) => currentLimit?.name)).toEqual([
      undefined,
      undefined,
      'shop.user',
    ]);
  });

  it('is rejected without descriptors or entries, and the error names the field', async ({ node }) => {
    expect(await rateLimitAndFail(node)).toMatchObject({
      code: INVALID_ARGUMENT,
      details: 'descriptors: must have at least one item (got none)',
    });
    expect(await rateLimitAndFail(node, [])).toMatchObject({
      code: INVALID_ARGUMENT,
      details: 'descriptors[0].entries: must have at least one item (got none)',
    });
  });

  it('costs no more to reject with 60,000 descriptors than with 65', () => {
    const encodeUsers = (count: number) =>
      RateLimitRequest.encode(createRequest(...repeat(count, (): Entries => [['user', 'u']]))).finish();
    const [few, all] = [encodeUsers(65), encodeUsers(60_000)];
    const measureRejections = (bytes: Uint8Array) => {
      const started = performance.now();
      for (let round = 0; round < 3000; round++) expect(() => decodeRateLimitRequest(bytes)).toThrow(InvalidRequest);
      return performance.now() - started;
    };
    measureRejections(few);
    // Decoding all descriptors would take a thousand times as long.
    expect(measureRejections(all)).toBeLessThan(measureRejections(few) * 10);
  });
});
