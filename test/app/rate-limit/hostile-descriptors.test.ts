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

function requestOf(...descriptors: readonly Entries[]): RateLimitRequest {
  const each = descriptors.map((entries) => ({ entries: entries.map(([key, value]) => ({ key, value })) }));
  return RateLimitRequest.fromPartial({ domain: 'shop', descriptors: each });
}

function ask(node: TestNode, ...descriptors: readonly Entries[]) {
  return node.decision.call(RateLimitServiceService.shouldRateLimit, requestOf(...descriptors));
}

function refusalOf(node: TestNode, ...descriptors: readonly Entries[]) {
  return node.decision.callAndFail(RateLimitServiceService.shouldRateLimit, requestOf(...descriptors));
}

function many<Item>(count: number, item: (place: number) => Item): Item[] {
  return Array.from({ length: count }, (_, place) => item(place));
}

describe('a rate limit request beyond what anybody sends', () => {
  it('is answered with 64 descriptors, and refused by name with one more, with 1,000 and with 60,000', async ({
    node,
  }) => {
    const descriptor = (): Entries => [['user', 'u']];
    expect((await ask(node, ...many(64, descriptor))).statuses).toHaveLength(64);
    for (const count of [65, 1000, 60_000]) {
      const refusal = await refusalOf(node, ...many(count, descriptor));
      expect(refusal).toMatchObject({
        code: INVALID_ARGUMENT,
        details: 'descriptors: must have at most 64 items (got more)',
      });
    }
  });

  it('is answered with 64 entries in a descriptor, which no rule is for, and refused by name with more', async ({
    node,
  }) => {
    const entry = (): readonly [string, string] => ['user', 'u'];
    expect((await ask(node, many(64, entry))).overallCode).toBe(Code.OK);
    for (const count of [65, 50_000]) {
      expect(await refusalOf(node, [['user', 'u']], many(count, entry))).toMatchObject({
        code: INVALID_ARGUMENT,
        details: 'descriptors[1].entries: must have at most 64 items (got more)',
      });
    }
  });

  it('is counted as any other with a value of almost a megabyte, and refused by name beyond', async ({ node }) => {
    const value = 'v'.repeat(1_000_000);
    const codes = [];
    for (let hit = 0; hit < 3; hit++) codes.push((await ask(node, [['user', value]])).overallCode);
    expect(codes).toEqual([Code.OK, Code.OK, Code.OVER_LIMIT]);
    expect((await ask(node, [['user', `${value}w`]])).overallCode).toBe(Code.OK);
    expect((await ask(node, [['path', `/a${'/b/c'.repeat(240_000)}`]])).overallCode).toBe(Code.OK);
    expect(await refusalOf(node, [['user', 'v'.repeat(1_100_000)]])).toMatchObject({ code: RESOURCE_EXHAUSTED });
  });

  it('is answered with empty keys and values, which no rule is for', async ({ node }) => {
    const answer = await ask(node, [['', '']], [['', 'v']], [['user', '']]);
    expect(answer.overallCode).toBe(Code.OK);
    expect(answer.statuses.map(({ currentLimit }) => currentLimit?.name)).toEqual([undefined, undefined, 'shop.user']);
  });

  it('is refused by name without descriptors, entries, or a domain', async ({ node }) => {
    expect(await refusalOf(node)).toMatchObject({
      code: INVALID_ARGUMENT,
      details: 'descriptors: must have at least one item (got none)',
    });
    expect(await refusalOf(node, [])).toMatchObject({
      code: INVALID_ARGUMENT,
      details: 'descriptors[0].entries: must have at least one item (got none)',
    });
  });

  it('costs as much to refuse with 60,000 descriptors as with 65', () => {
    const bytesOf = (count: number) =>
      RateLimitRequest.encode(requestOf(...many(count, (): Entries => [['user', 'u']]))).finish();
    const [few, all] = [bytesOf(65), bytesOf(60_000)];
    const timeOf = (bytes: Uint8Array) => {
      const started = performance.now();
      for (let round = 0; round < 3000; round++) expect(() => decodeRateLimitRequest(bytes)).toThrow(InvalidRequest);
      return performance.now() - started;
    };
    timeOf(few);
    // Read whole, it would be a thousand times as much.
    expect(timeOf(all)).toBeLessThan(timeOf(few) * 10);
  });
});
