import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedis } from '../../../provision/redis.ts';
import { RateLimitResponse_Code as Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { newDatabase } from '../../support/databases.ts';
import { shouldRateLimit } from '../../support/decision-calls.ts';
import { TestNode } from '../../support/node.ts';

let folder: string;
let rules: string;
let node: TestNode;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-rules-'));
  rules = path.join(folder, 'rules.yaml');
  const limit = '{requests: 3, window: 1m, on_store_failure: deny}';
  await writeFile(rules, `domain: shop\ndescriptors:\n  - {key: path, rate_limit: ${limit}}\n`);
  node = await TestNode.start({ DATABASE_URL: await newDatabase(), RULES_PATH: rules });
});
afterAll(async () => {
  await node?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function post(body: string | Buffer<ArrayBuffer>, at = node) {
  const response = await fetch(`http://127.0.0.1:${at.app.ports.http}/json`, { method: 'POST', body });
  expect(response.headers.get('content-type')).toBe('application/json');
  return { status: response.status, json: JSON.parse(await response.text()) };
}

function asking(value: string, more: object = {}): string {
  return JSON.stringify({ domain: 'shop', descriptors: [{ entries: [{ key: 'path', value }], ...more }] });
}

it('decides as the rate limit service does, on the same counters', async () => {
  expect((await shouldRateLimit(node.decision, 'shop', ['path', '/a'])).overallCode).toBe(Code.OK);
  const first = await post(asking('/a'));
  expect(first).toEqual({
    status: 200,
    json: {
      overallCode: 'OK',
      responseHeadersToAdd: expect.arrayContaining([{ key: 'x-ratelimit-remaining', value: '1' }]),
      statuses: [
        {
          code: 'OK',
          currentLimit: { requestsPerUnit: 3, unit: 'MINUTE', name: 'shop.path' },
          limitRemaining: 1,
          durationUntilReset: expect.stringMatching(/^(59|60)s$/),
        },
      ],
      dynamicMetadata: expect.objectContaining({ source: 'memory' }),
    },
  });
  expect((await post(asking('/a'))).status).toBe(200);
  const over = await post(asking('/a'));
  expect(over).toMatchObject({ status: 429, json: { overallCode: 'OVER_LIMIT', statuses: [{ code: 'OVER_LIMIT' }] } });
  expect((await shouldRateLimit(node.decision, 'shop', ['path', '/a'])).overallCode).toBe(Code.OVER_LIMIT);
});

it('takes the fields by either of their names, and numbers of 64 bits as texts', async () => {
  expect((await post(asking('/b', { hitsAddend: '2' }))).json.statuses[0].limitRemaining).toBe(1);
  expect((await post(asking('/b', { hits_addend: 0 }))).json.statuses[0].limitRemaining).toBe(1);
  expect((await post(asking('/b', { hits_addend: 2 }))).status).toBe(429);
});

it.each([
  ['', 'body: must be JSON'],
  ['{"domain": "shop",}', 'body: must be JSON'],
  ['[]', 'RateLimitRequest'],
  ['{"domain": 1}', 'RateLimitRequest.domain'],
  ['{"domian": "shop"}', '"domian" is unknown'],
  ['{"domain": "shop", "descriptors": [{"entries": [{"kye": "path"}]}]}', '"kye" is unknown'],
  ['{"domain": "shop", "descriptors": [{"entries": {"key": "path"}}]}', 'RateLimitDescriptor.entries'],
  ['{"domain": "shop", "descriptors": []}', 'descriptors: must have at least one item (got none)'],
  ['{"descriptors": [{"entries": [{"key": "path"}]}]}', 'domain: must not be empty'],
  ['{"domain": "shop", "descriptors": [{}]}', 'descriptors[0].entries: must have at least one item (got none)'],
  [`${'['.repeat(100_000)}`, 'body: must be JSON'],
  [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'RateLimitRequest'],
  [`{"domain": ${JSON.stringify(['x'.repeat(100_000)])}}`, 'RateLimitRequest.domain'],
])('refuses what is wrong, and names it: %.60s', async (body, said) => {
  const { status, json } = await post(body);
  expect({ status, code: json.error.code }).toEqual({ status: 400, code: 'invalid_request' });
  expect(json.error.message).toContain(said);
  expect(json.error.message.length).toBeLessThan(400);
});

it('refuses what is no UTF-8, too long, or not a POST', async () => {
  expect(await post(Buffer.from([0x22, 0xff, 0x22]))).toMatchObject({ status: 400 });
  expect(await post('x'.repeat(1024 * 1024 + 1))).toMatchObject({
    status: 413,
    json: { error: { code: 'too_large' } },
  });
  const got = await fetch(`http://127.0.0.1:${node.app.ports.http}/json`);
  expect(got.status).toBe(405);
  expect(got.headers.get('allow')).toBe('POST');
});

it('holds bounded many requests, and goes on when their senders leave', async () => {
  const { http } = node.app.ports;
  const stuck = Array.from({ length: 64 }, () => connect(http, '127.0.0.1'));
  for (const socket of stuck) socket.write('POST /json HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n{');
  await expect.poll(async () => (await post(asking('/c', { hitsAddend: 0 }))).status, { timeout: 10_000 }).toBe(503);
  for (const socket of stuck) socket.destroy();
  await expect.poll(async () => (await post(asking('/c', { hitsAddend: 0 }))).status, { timeout: 10_000 }).toBe(200);
});

it('answers 503 when the counters cannot be asked and the limit says deny', async () => {
  const redis = await startRedis();
  const environment = { DATABASE_URL: await newDatabase(), RULES_PATH: rules, REDIS_URL: redis.url };
  const other = await TestNode.start(environment);
  try {
    await expect
      .poll(async () => (await post(asking('/d', { hitsAddend: 0 }), other)).status, { timeout: 10_000 })
      .toBe(200);
    await redis.stop();
    expect(await post(asking('/d'), other)).toMatchObject({
      status: 503,
      json: { error: { code: 'store_unavailable' } },
    });
  } finally {
    await other.stop();
    await redis.stop();
  }
});
