import { afterAll, beforeAll, expect, it } from 'vitest';
import { RateLimitResponse_Code as Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { newDatabase } from '../../support/databases.ts';
import { TestNode } from '../../support/node.ts';
import { shouldRateLimit } from '../../support/questions.ts';
import { useRules } from '../../support/rules-nodes.ts';

const RULES = `domain: shop
descriptors:
  - {key: live, rate_limit: {requests: 5, window: 1h}}
  - {key: tried, shadow_mode: true, rate_limit: {requests: 2, window: 1h}}
  - {key: read, rate_limit: {name: specific, requests: 1, window: 1h}}
  - {key: better, rate_limit: {requests: 4, window: 1h, replaces: [{name: specific}]}}
`;

const rules = useRules(RULES);
let node: TestNode;

beforeAll(async () => {
  node = await TestNode.start({ DATABASE_URL: await newDatabase(), RULES_PATH: rules() });
});
afterAll(() => node?.stop());

async function told(verdict: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${node.app.ports.http}/metrics`)).text();
  const label = `weir_shadow_decisions_total{rule="shop.tried",verdict="${verdict}"} `;
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(label))
      ?.slice(label.length) ?? 0,
  );
}

it('a rule in shadow mode refuses nothing, is charged only for what was let in, and tells what it would refuse', async () => {
  const ask = (tried: string) => shouldRateLimit(node.decision, 'shop', ['live', 'a'], ['tried', tried]);
  for (let hit = 0; hit < 5; hit++) {
    const { overallCode, statuses } = await ask('x');
    expect(overallCode).toBe(Code.OK);
    expect(statuses[1]).toMatchObject({ code: Code.OK, currentLimit: undefined });
  }
  await expect.poll(() => told('would_deny')).toBe(3);
  expect(await told('ok')).toBe(2);
  // `y` is charged nothing by these: they are refused by `live`.
  for (let hit = 0; hit < 3; hit++) expect((await ask('y')).overallCode).toBe(Code.OVER_LIMIT);
  for (let hit = 0; hit < 3; hit++) await shouldRateLimit(node.decision, 'shop', ['tried', 'y']);
  await expect.poll(() => told('would_deny')).toBe(4);
  expect(await told('ok')).toBe(4);
});

it('a limit that is replaced is neither asked nor charged', async () => {
  for (let hit = 0; hit < 4; hit++) {
    const { overallCode } = await shouldRateLimit(node.decision, 'shop', ['read', 'a'], ['better', 'b']);
    expect(overallCode).toBe(Code.OK);
  }
  const both = await shouldRateLimit(node.decision, 'shop', ['read', 'a'], ['better', 'b']);
  expect(both.statuses.map(({ code }) => code)).toEqual([Code.OK, Code.OVER_LIMIT]);
  expect((await shouldRateLimit(node.decision, 'shop', ['read', 'a'])).overallCode).toBe(Code.OK);
  expect((await shouldRateLimit(node.decision, 'shop', ['read', 'a'])).overallCode).toBe(Code.OVER_LIMIT);
});
