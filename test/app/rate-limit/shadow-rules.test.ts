import { expect } from 'vitest';
import { RateLimitResponse_Code as Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const RULES = `domain: shop
descriptors:
  - {key: live, rate_limit: {requests: 5, window: 1h}}
  - {key: tried, shadow_mode: true, rate_limit: {requests: 2, window: 1h}}
  - {key: read, rate_limit: {name: specific, requests: 1, window: 1h}}
  - {key: better, rate_limit: {requests: 4, window: 1h, replaces: [{name: specific}]}}
`;

const it = test.override('rules', RULES);

async function readShadowDecisions(node: TestNode, verdict: string): Promise<number> {
  const text = await node.metrics();
  const label = `weir_shadow_decisions_total{rule="shop.tried",verdict="${verdict}"} `;
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(label))
      ?.slice(label.length) ?? 0,
  );
}

it('a rule in shadow mode rejects nothing, is charged only for allowed requests, and reports what it would reject', async ({
  node,
}) => {
  const rateLimit = (tried: string) => shouldRateLimit(node.decision, 'shop', ['live', 'a'], ['tried', tried]);
  for (let hit = 0; hit < 5; hit++) {
    const { overallCode, statuses } = await rateLimit('x');
    expect(overallCode).toBe(Code.OK);
    expect(statuses[1]).toMatchObject({ code: Code.OK, currentLimit: undefined });
  }
  await expect.poll(() => readShadowDecisions(node, 'would_deny')).toBe(3);
  expect(await readShadowDecisions(node, 'ok')).toBe(2);
  // `live` rejects these requests, so they charge nothing to `y`.
  for (let hit = 0; hit < 3; hit++) expect((await rateLimit('y')).overallCode).toBe(Code.OVER_LIMIT);
  for (let hit = 0; hit < 3; hit++) await shouldRateLimit(node.decision, 'shop', ['tried', 'y']);
  await expect.poll(() => readShadowDecisions(node, 'would_deny')).toBe(4);
  expect(await readShadowDecisions(node, 'ok')).toBe(4);
});

it('a replaced limit is neither checked nor charged', async ({ node }) => {
  for (let hit = 0; hit < 4; hit++) {
    const { overallCode } = await shouldRateLimit(node.decision, 'shop', ['read', 'a'], ['better', 'b']);
    expect(overallCode).toBe(Code.OK);
  }
  const both = await shouldRateLimit(node.decision, 'shop', ['read', 'a'], ['better', 'b']);
  expect(both.statuses.map(({ code }) => code)).toEqual([Code.OK, Code.OVER_LIMIT]);
  expect((await shouldRateLimit(node.decision, 'shop', ['read', 'a'])).overallCode).toBe(Code.OK);
  expect((await shouldRateLimit(node.decision, 'shop', ['read', 'a'])).overallCode).toBe(Code.OVER_LIMIT);
});
