import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  type RateLimitResponse,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { newDatabase } from '../../support/databases.ts';
import { addedHeaders, check, shouldRateLimit } from '../../support/decision-calls.ts';
import { TestNode } from '../../support/node.ts';

const RULES = `domain: shop
descriptors:
  - {key: path, rate_limit: {requests: 2, window: 1h}}
  - key: user
    limits: [{name: short, requests: 5, window: 1m}, {name: long, requests: 3, window: 1h}]
  - {key: health, rate_limit: {unlimited: true}}
`;

let folder: string;
let nodes: readonly TestNode[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-answers-'));
  const file = path.join(folder, 'rules.yaml');
  await writeFile(file, RULES);
  const common = { DATABASE_URL: await newDatabase(), RULES_PATH: file };
  const start = (headers: Record<string, string>) => TestNode.start({ ...common, ...headers });
  nodes = [
    await start({}),
    await start({ RATE_LIMIT_HEADERS: 'refused' }),
    await start({ RATE_LIMIT_HEADERS: 'off' }),
    await start({ SHADOW_MODE: 'true' }),
  ];
});
afterAll(async () => {
  for (const node of nodes) await node.stop();
  await rm(folder, { recursive: true, force: true });
});

function nodeAt(place: number): TestNode {
  const node = nodes[place];
  if (node === undefined) throw new Error('the node was not started');
  return node;
}

function told({ responseHeadersToAdd }: RateLimitResponse): Record<string, string> {
  return Object.fromEntries(responseHeadersToAdd.map(({ key, value }) => [key, value]));
}

describe('an answer of the rate limit service', () => {
  it('names the rule and the limit that decides, and tells clients of all limits', async () => {
    const answer = await shouldRateLimit(nodeAt(0).decision, 'shop', ['path', '/a'], ['user', 'u']);
    expect(answer.dynamicMetadata).toEqual({ rule: 'shop.path', limit: '1h', remaining: 1, source: 'memory' });
    expect(answer.statuses).toMatchObject([
      { code: Code.OK, currentLimit: { name: 'shop.path', requestsPerUnit: 2 }, limitRemaining: 1 },
      { code: Code.OK, currentLimit: { name: 'shop.user/long', requestsPerUnit: 3 }, limitRemaining: 2 },
    ]);
    expect(told(answer)).toEqual({
      'ratelimit-policy': '"1h";q=2;w=3600, "short";q=5;w=60, "long";q=3;w=3600',
      ratelimit: '"1h";r=1;t=3600, "short";r=4;t=60, "long";r=2;t=3600',
      'x-ratelimit-limit': '2',
      'x-ratelimit-remaining': '1',
      'x-ratelimit-reset': '3600',
    });
  });

  it('that refuses names what refused, and when to come back; what was not charged is OK', async () => {
    const ask = () => shouldRateLimit(nodeAt(0).decision, 'shop', ['user', 'v'], ['path', '/b']);
    await ask();
    await ask();
    const refused = await ask();
    expect(refused.dynamicMetadata).toEqual({ rule: 'shop.path', limit: '1h', remaining: 0, source: 'memory' });
    expect(refused.statuses.map(({ code, limitRemaining }) => [code, limitRemaining])).toEqual([
      [Code.OK, 1],
      [Code.OVER_LIMIT, 0],
    ]);
    const { 'retry-after': retryAfter, 'x-ratelimit-reset': reset } = told(refused);
    expect(Number(retryAfter)).toBeGreaterThan(3500);
    expect(Number(retryAfter)).toBeLessThanOrEqual(3600);
    expect(reset).toBe(retryAfter);
    expect(refused.statuses[1]?.durationUntilReset?.seconds).toBe(Number(retryAfter));
  });

  it('has no headers where nothing limits, and what is unlimited remains without end', async () => {
    const answer = await shouldRateLimit(nodeAt(0).decision, 'shop', ['health', '/'], ['nobody', 'knows']);
    expect(answer).toMatchObject({
      overallCode: Code.OK,
      responseHeadersToAdd: [],
      dynamicMetadata: { source: 'rules' },
    });
    expect(answer.statuses.map(({ limitRemaining }) => limitRemaining)).toEqual([2 ** 32 - 1, 0]);
  });
});

it('with SHADOW_MODE everything passes, statuses tell what would not, and that is counted', async () => {
  const node = nodeAt(3);
  const ask = () => shouldRateLimit(node.decision, 'shop', ['path', '/d'], ['user', 'd']);
  await ask();
  await ask();
  const third = await ask();
  expect(third.overallCode).toBe(Code.OK);
  expect(third.statuses.map(({ code }) => code)).toEqual([Code.OVER_LIMIT, Code.OK]);
  expect((await ask()).statuses[1]?.limitRemaining).toBe(1); // As if they had been refused: nothing was charged.
  const metrics = await (await fetch(`http://127.0.0.1:${node.app.ports.http}/metrics`)).text();
  expect(metrics).toMatch(/^weir_decisions_total\{question="rate_limit",verdict="would_deny",source="memory"\} 2$/m);
});

describe.each([
  [0, 'all', true, true],
  [1, 'refused', false, true],
  [2, 'off', false, false],
])('with RATE_LIMIT_HEADERS, %#: %s', (place, _, onGrants, onRefusals) => {
  it('the rate limit service tells clients of their limits accordingly', async () => {
    const ask = async () => 'ratelimit' in told(await shouldRateLimit(nodeAt(place).decision, 'shop', ['path', '/c']));
    expect([await ask(), await ask(), await ask()]).toEqual([onGrants, onGrants, onRefusals]);
  });

  it('so does Check', async () => {
    const node = nodeAt(place);
    const administrator = await node.signIn();
    const planId = `told-${place}`;
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
