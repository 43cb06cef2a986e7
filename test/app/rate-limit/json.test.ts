import { expect } from 'vitest';
import { startRedis } from '../../../provision/redis.ts';
import { RateLimitResponse_Code as Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const LIMIT = '{requests: 3, window: 1m, on_store_failure: deny}';
const it = test.override('rules', `domain: shop\ndescriptors:\n  - {key: path, rate_limit: ${LIMIT}}\n`);

async function post(node: TestNode, body: string | Buffer<ArrayBuffer>, contentType = 'application/json') {
  const response = await node.fetchJson({ method: 'POST', headers: { 'content-type': contentType }, body });
  expect(response.headers.get('content-type')).toBe('application/json');
  return { status: response.status, json: JSON.parse(await response.text()) };
}

function createBody(value: string, more: object = {}): string {
  return JSON.stringify({ domain: 'shop', descriptors: [{ entries: [{ key: 'path', value }], ...more }] });
}

it('decides like the rate limit service, on the same counters', async ({ node }) => {
  expect((await shouldRateLimit(node.decision, 'shop', ['path', '/a'])).overallCode).toBe(Code.OK);
  const first = await post(node, createBody('/a'));
  expect(first).toEqual({
    status: 200,
    json: {
      overallCode: 'OK',
      responseHeadersToAdd: expect.arrayContaining([{ key: 'ratelimit-policy', value: '"1m";q=3;w=60' }]),
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
  expect((await post(node, createBody('/a'))).status).toBe(200);
  const over = await post(node, createBody('/a'));
  expect(over).toMatchObject({ status: 429, json: { overallCode: 'OVER_LIMIT', statuses: [{ code: 'OVER_LIMIT' }] } });
  expect((await shouldRateLimit(node.decision, 'shop', ['path', '/a'])).overallCode).toBe(Code.OVER_LIMIT);
});

it('accepts camelCase and snake_case names, and 64-bit numbers as strings', async ({ node }) => {
  expect((await post(node, createBody('/b', { hitsAddend: '2' }))).json.statuses[0].limitRemaining).toBe(1);
  expect((await post(node, createBody('/b', { hits_addend: 0 }))).json.statuses[0].limitRemaining).toBe(1);
  expect((await post(node, createBody('/b', { hits_addend: 2 }))).status).toBe(429);
});

it.for([
  ['body: must be JSON', ''],
  ['body: must be JSON', '{"domain": "shop",}'],
  ['RateLimitRequest', '[]'],
  ['RateLimitRequest.domain', '{"domain": 1}'],
  ['"domian" is unknown', '{"domian": "shop"}'],
  ['"kye" is unknown', '{"domain": "shop", "descriptors": [{"entries": [{"kye": "path"}]}]}'],
  ['RateLimitDescriptor.entries', '{"domain": "shop", "descriptors": [{"entries": {"key": "path"}}]}'],
  ['descriptors: must have at least one item (got none)', '{"domain": "shop", "descriptors": []}'],
  ['domain: must not be empty', '{"descriptors": [{"entries": [{"key": "path"}]}]}'],
  ['descriptors[0].entries: must have at least one item (got none)', '{"domain": "shop", "descriptors": [{}]}'],
  ['descriptors: must have at most 64 items (got 65)', `{"domain": "shop", "descriptors": [${'{},'.repeat(64)}{}]}`],
  [
    'descriptors[0].entries: must have at most 64 items (got 80000)',
    `{"domain": "shop", "descriptors": [{"entries": [${'{},'.repeat(79_999)}{}]}]}`,
  ],
  ['descriptors[0].entries[0].value: must have at most 32768 characters (got 32769)', createBody('x'.repeat(32_769))],
  ['body: must be JSON', `${'['.repeat(100_000)}`],
  ['RateLimitRequest', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  ['RateLimitRequest.domain', `{"domain": ${JSON.stringify(['x'.repeat(100_000)])}}`],
] as const)('rejects an invalid body and names the fault: %s (%#)', async ([fault, body], { node }) => {
  const { status, json } = await post(node, body);
  expect({ status, code: json.error.code }).toEqual({ status: 400, code: 'invalid_request' });
  expect(json.error.message).toContain(fault);
  expect(json.error.message.length).toBeLessThan(400);
});

it('rejects a body that is not UTF-8 or too long, and methods other than POST', async ({ node }) => {
  expect(await post(node, Buffer.from([0x22, 0xff, 0x22]))).toMatchObject({ status: 400 });
  expect(await post(node, 'x'.repeat(256 * 1024 + 1))).toMatchObject({
    status: 413,
    json: { error: { code: 'too_large' } },
  });
  const got = await node.fetchJson({});
  expect(got.status).toBe(405);
  expect(got.headers.get('allow')).toBe('POST');
});

it('is served only on JSON_ADDRESS, and nothing else is served there', async ({ node, startNode }) => {
  const headers = { 'content-type': 'application/json' };
  expect((await node.fetch('/json', { method: 'POST', headers, body: createBody('/e') })).status).toBe(404);
  for (const path of ['/healthz', '/metrics', '/', '/json/', '//json', '/.well-known/jwks.json']) {
    expect((await node.fetchJson({}, path)).status).toBe(404);
  }
  const without = await startNode({ JSON_ADDRESS: '' });
  expect(without.app.ports.json).toBeUndefined();
});

it.for(['application/json', 'application/json; charset=utf-8', 'Application/JSON ;charset="utf-8"'])(
  'accepts the content type %s',
  async (contentType, { node }) => {
    expect((await post(node, createBody('/f', { hitsAddend: 0 }), contentType)).status).toBe(200);
  },
);

it('answers 429 when the counters are unavailable and the limit says deny', async ({ startNode }) => {
  const redis = await startRedis();
  const other = await startNode({ REDIS_URL: redis.url });
  try {
    await expect
      .poll(async () => (await post(other, createBody('/d', { hitsAddend: 0 }))).status, { timeout: 20_000 })
      .toBe(200);
    await redis.stop();
    expect(await post(other, createBody('/d'))).toMatchObject({
      status: 429,
      json: { overallCode: 'OVER_LIMIT', dynamicMetadata: { source: 'fail-deny' } },
    });
  } finally {
    await redis.stop();
  }
});
