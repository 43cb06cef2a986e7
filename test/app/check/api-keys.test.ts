import { describe, expect } from 'vitest';
import { AuthorizationService } from '../../../src/generated/envoy/service/auth/v3/external_auth.ts';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import {
  HealthService,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../../src/generated/grpc/health/v1/health.ts';
import { ApiKeyServiceService, UpdateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { check, httpStatus, parseDenial, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import type { Method } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;

const it = test.override(
  'rules',
  'domain: shop\ndescriptors:\n  - key: path\n    rate_limit: {requests: 3, window: 30s}\n',
);
it.beforeAll(({ node, administrator }) => node.createPlan(administrator, 'team', 5));

describe('Check', () => {
  it('allows five requests of a key per minute and answers the sixth with 429', async ({ node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'team');
    const responses = [];
    for (let request = 0; request < 6; request++) responses.push(await check(node.decision, { 'x-api-key': secret }));
    expect(responses.map(httpStatus)).toEqual([200, 200, 200, 200, 200, 429]);
    const last = responses.at(-1);
    expect(last && parseDenial(last)?.code).toBe('rate_limited');
  });

  it('denies a missing, malformed or unknown key, and a key that was just disabled', async ({
    node,
    administrator,
  }) => {
    const { name, secret } = await node.createKey(administrator, 'team');
    const unknown = `wk_live_${'0'.repeat(28)}`;
    for (const key of [undefined, 'garbage', unknown, `${secret}x`]) {
      expect(httpStatus(await check(node.decision, key === undefined ? {} : { 'x-api-key': key }))).toBe(401);
    }
    const request = UpdateApiKeyRequest.fromPartial({ apiKey: { name, disabled: true }, updateMask: 'disabled' });
    await node.admin.call(ApiKeyServiceService.updateApiKey, request, administrator);
    const denied = await check(node.decision, { 'x-api-key': secret, 'x-request-id': 'find-me' });
    expect(httpStatus(denied)).toBe(403);
    expect(parseDenial(denied)).toMatchObject({ code: 'disabled_credential', request_id: 'find-me' });
  });

  it('shares one budget with the domain plans, for both filters and on both planes', async ({
    node,
    administrator,
  }) => {
    const { name, secret } = await node.createKey(administrator, 'team');
    expect(httpStatus(await check(node.admin, { 'x-api-key': secret }))).toBe(200);
    const off = { 'weir.rate_limit': 'off' };
    for (let request = 0; request < 4; request++) {
      expect(httpStatus(await check(node.decision, { 'x-api-key': secret }, off))).toBe(200);
      const response = await shouldRateLimit(node.decision, 'plans', ['api_key', name.replace('apiKeys/', '')]);
      expect(response.overallCode).toBe(Code.OK);
    }
    const { overallCode } = await shouldRateLimit(node.admin, 'plans', ['api_key', name.replace('apiKeys/', '')]);
    expect(overallCode).toBe(Code.OVER_LIMIT);
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(429);
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }, off))).toBe(200);
  });
});

describe('a rotated API key', () => {
  it('keeps the budget of the previous secret', async ({ node, administrator }) => {
    const { name, secret } = await node.createKey(administrator, 'team');
    for (let request = 0; request < 4; request++) await check(node.decision, { 'x-api-key': secret });
    const rotation = { name, overlap: '60s' };
    const rotated = await node.admin.call(ApiKeyServiceService.rotateApiKey, rotation, administrator);
    expect(httpStatus(await check(node.decision, { 'x-api-key': rotated.secret }))).toBe(200);
    expect(httpStatus(await check(node.decision, { 'x-api-key': rotated.secret }))).toBe(429);
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(429);
  });
});

describe('an API key that is rotated again within its overlap, for example because a response was lost,', () => {
  it('gets a successor that lives as long as the original key would have', async ({ node, administrator }) => {
    const { name } = await node.createKey(administrator, 'team');
    await node.admin.call(ApiKeyServiceService.rotateApiKey, { name, overlap: '60s' }, administrator);
    const again = await node.admin.call(ApiKeyServiceService.rotateApiKey, { name, overlap: '60s' }, administrator);
    expect(again.apiKey?.expireTime).toBeUndefined();
    const old = await node.admin.call(ApiKeyServiceService.getApiKey, { name }, administrator);
    expect(old.expireTime).toBeInstanceOf(Date);
  });
});

describe('ShouldRateLimit', () => {
  it('returns one status per descriptor, and OK where no limit applies', async ({ node }) => {
    const response = await shouldRateLimit(node.decision, 'nobody knows', ['a', 'b'], ['c', 'd']);
    expect(response).toMatchObject({ overallCode: Code.OK, statuses: [{ code: Code.OK }, { code: Code.OK }] });
  });

  it('reports the name of the limit, what remains of it and when it resets', async ({ node }) => {
    const first = await shouldRateLimit(node.decision, 'shop', ['path', '/reported']);
    expect(first.statuses[0]).toMatchObject({
      currentLimit: { name: 'shop.path', requestsPerUnit: 3, unit: 1, unitMultiplier: 30 },
      limitRemaining: 2,
      durationUntilReset: { seconds: 30 },
    });
  });

  it('charges nothing for a rejected request: the other descriptor keeps its budget', async ({ node }) => {
    for (let hit = 0; hit < 3; hit++) await shouldRateLimit(node.decision, 'shop', ['path', '/full']);
    const denied = await shouldRateLimit(node.decision, 'shop', ['path', '/full'], ['path', '/free']);
    expect(denied.statuses.map(({ code }) => code)).toEqual([Code.OVER_LIMIT, Code.OK]);
    const free = await shouldRateLimit(node.decision, 'shop', ['path', '/free']);
    expect(free.statuses[0]?.limitRemaining).toBe(2);
  });

  it.for([
    ['no domain', 'domain', RateLimitRequest.fromPartial({ descriptors: [{ entries: [{ key: 'a', value: 'b' }] }] })],
    ['no descriptors', 'descriptors', RateLimitRequest.fromPartial({ domain: 'shop' })],
    [
      'too many descriptors',
      'descriptors',
      RateLimitRequest.fromPartial({
        domain: 'shop',
        descriptors: Array.from({ length: 65 }, () => ({ entries: [{ key: 'a', value: 'b' }] })),
      }),
    ],
    ['no entries', 'descriptors[0].entries', RateLimitRequest.fromPartial({ domain: 'shop', descriptors: [{}] })],
  ] as const)(
    'rejects a request with %s as an invalid argument and names the field',
    async ([_, field, request], { node }) => {
      const error = await node.decision.callAndFail(RateLimitServiceService.shouldRateLimit, request);
      expect(error.code).toBe(INVALID_ARGUMENT);
      expect(error.details).toContain(`${field}: `);
    },
  );
});

describe('the data plane', () => {
  it('rejects each malformed message alone and answers the other calls of the batch', async ({ node }) => {
    const malformed = { ...AuthorizationService.check, requestSerialize: (bytes: Buffer) => bytes };
    const calls = Array.from({ length: 50 }, async (_, index) => {
      if (index % 2 === 0) return httpStatus(await check(node.decision, {}));
      return (await node.decision.callAndFail(malformed, Buffer.from('0a05ff', 'hex'))).code;
    });
    const responses = await Promise.all(calls);
    expect(new Set(responses)).toEqual(new Set([401, INVALID_ARGUMENT]));
  });

  it('reports its health, and NOT_FOUND for services that it does not have', async ({ node }) => {
    const health = (service: string) => node.decision.call(HealthService.check, { service });
    expect(await health('')).toEqual({ status: Serving.SERVING });
    expect(await health('envoy.service.auth.v3.Authorization')).toEqual({ status: Serving.SERVING });
    expect((await node.decision.callAndFail(HealthService.check, { service: 'other' })).code).toBe(NOT_FOUND);
  });

  it('answers an unknown method with UNIMPLEMENTED', async ({ node }) => {
    const unknown: Method<Buffer, Buffer> = {
      path: '/no.such.Service/Method',
      requestSerialize: (bytes) => bytes,
      responseDeserialize: (bytes) => bytes,
    };
    expect((await node.decision.callAndFail(unknown, Buffer.alloc(0))).code).toBe(UNIMPLEMENTED);
  });
});

describe('the HTTP port', () => {
  const fetchText = async (node: TestNode, path: string) => {
    const response = await fetch(`http://127.0.0.1:${node.app.ports.http}${path}`);
    return { status: response.status, text: await response.text() };
  };

  it('reports that the process is alive and ready', async ({ node }) => {
    expect(await fetchText(node, '/healthz')).toEqual({ status: 200, text: 'ok\n' });
    expect(await fetchText(node, '/readyz')).toEqual({ status: 200, text: 'ready\n' });
    expect((await fetchText(node, '/nothing')).status).toBe(404);
  });

  it('counts decisions by verdict and source, and measures their latency', async ({ node }) => {
    await check(node.decision, {});
    const { text } = await fetchText(node, '/metrics');
    expect(text).toMatch(
      /^weir_decisions_total\{question="check",verdict="missing_credential",source="catalog"\} [1-9]/m,
    );
    const count = Number(/^weir_decision_seconds_count\{question="check"\} (\d+)/m.exec(text)?.[1]);
    const lastBucket = Number(/^weir_decision_seconds_bucket\{question="check",le="\+Inf"\} (\d+)/m.exec(text)?.[1]);
    expect(count).toBeGreaterThan(0);
    expect(lastBucket).toBe(count);
  });
});
