import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { status as GrpcStatus } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuthorizationService, CheckRequest } from '../../src/generated/envoy/service/auth/v3/external_auth.ts';
import { HealthCheckRequest, HealthService } from '../../src/generated/grpc/health/v1/health.ts';
import { InvalidRules } from '../../src/rules/load/load-rules.ts';
import { waitUntil } from '../support/wait-until.ts';
import { createRequest, createRuntimeRoot, RatelimitNode } from './ratelimit-node.ts';

const FILES = {
  'config/shop': `
domain: shop
descriptors:
  - {key: user, rate_limit: {unit: year, requests_per_unit: 2}}
  - {key: named, rate_limit: {name: per user, unit: year, requests_per_unit: 2}}
  - {key: shadow, shadow_mode: true, rate_limit: {unit: year, requests_per_unit: 1}}
  - {key: never, rate_limit: {unit: year, requests_per_unit: 0}}
  - {key: free, rate_limit: {unlimited: true}}
`,
  'config/sub/folder/plans.conf': `
domain: plans
descriptors:
  - {key: account, detailed_metric: true, rate_limit: {unit: year, requests_per_unit: 1}}
`,
  'config/.hidden': 'no rules',
};

let root: string;
let node: RatelimitNode;

beforeAll(async () => {
  root = await createRuntimeRoot(FILES);
  node = await RatelimitNode.start({
    RUNTIME_ROOT: root,
    RUNTIME_IGNOREDOTFILES: 'true',
    LIMIT_RESPONSE_HEADERS_ENABLED: 'true',
  });
});

afterAll(async () => {
  await node.stop();
  await rm(root, { recursive: true, force: true });
});

describe('weir ratelimit', () => {
  it('answers as envoyproxy/ratelimit does: statuses, headers, and no metadata', async () => {
    const request = createRequest('shop', 'user=a');
    const statuses = (code: string, limitRemaining?: number) => [
      {
        code,
        currentLimit: { requestsPerUnit: 2, unit: 'YEAR' },
        ...(limitRemaining !== undefined && { limitRemaining }),
        durationUntilReset: expect.stringMatching(/^\d+s$/),
      },
    ];
    const headers = (remaining: string) => [
      { key: 'RateLimit-Limit', value: '2' },
      { key: 'RateLimit-Remaining', value: remaining },
      { key: 'RateLimit-Reset', value: expect.stringMatching(/^\d+$/) },
    ];
    expect(await node.ask(request)).toEqual({
      status: 200,
      body: { overallCode: 'OK', statuses: statuses('OK', 1), responseHeadersToAdd: headers('1') },
    });
    await node.ask(request);
    expect(await node.ask(request)).toEqual({
      status: 429,
      body: { overallCode: 'OVER_LIMIT', statuses: statuses('OVER_LIMIT'), responseHeadersToAdd: headers('0') },
    });
  });

  it('names a limit by its own name', async () => {
    const { body } = await node.ask(createRequest('shop', 'named=a'));
    expect(body.statuses[0]?.currentLimit).toEqual({ name: 'per user', requestsPerUnit: 2, unit: 'YEAR' });
  });

  it('reports rules in shadow mode, which reject nothing, and unlimited ones', async () => {
    const request = createRequest('shop', 'shadow=a');
    await node.ask(request);
    const { status, body } = await node.ask(request);
    expect({ status, code: body.statuses[0]?.code, limit: body.statuses[0]?.currentLimit }).toEqual({
      status: 200,
      code: 'OK',
      limit: { requestsPerUnit: 1, unit: 'YEAR' },
    });
    const rejected = await node.ask({
      domain: 'shop',
      descriptors: ['never', 'shadow'].flatMap((key) => createRequest('shop', `${key}=b`).descriptors),
    });
    expect(
      rejected.body.statuses.map(({ code, currentLimit }) => ({ code, hasLimit: currentLimit !== undefined })),
    ).toEqual([
      { code: 'OVER_LIMIT', hasLimit: true },
      { code: 'OK', hasLimit: true },
    ]);
    const free = await node.ask(createRequest('shop', 'free=a'));
    expect(free.body).toEqual({ overallCode: 'OK', statuses: [{ code: 'OK', limitRemaining: 4294967295 }] });
  });

  it('knows no domains of its own: `plans` is one like any other', async () => {
    expect((await node.ask(createRequest('plans', 'account=a'))).status).toBe(200);
    expect((await node.ask(createRequest('plans', 'account=a'))).status).toBe(429);
    expect((await node.ask(createRequest('plans', 'api_key=a'))).status).toBe(200);
  });

  it('takes JSON of any media type and host, and nothing that a web page sends', async () => {
    const request = createRequest('other', 'a=b');
    expect((await node.ask(request, { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(200);
    expect((await node.ask(request, { host: 'ratelimit.example.com' })).status).toBe(200);
    expect((await node.ask(request, { origin: 'https://example.com' })).status).toBe(403);
    expect((await node.ask({ domain: 'shop' })).status).toBe(400);
  });

  it('answers probes, and shows the rules', async () => {
    expect(await node.get('http', '/healthcheck')).toEqual({ status: 200, body: 'OK' });
    expect((await node.get('http', '/metrics')).status).toBe(404);
    const health = await node.client.call(
      HealthService.check,
      HealthCheckRequest.fromPartial({ service: 'ratelimit' }),
    );
    expect(health.status).toBe(1);
    const { body } = await node.get('debug', '/rlconfig');
    expect(body).toContain('shop.user: unit=YEAR requests_per_unit=2, shadow_mode: false, quota_mode: false\n');
    expect(body).toContain('shop.shadow: unit=YEAR requests_per_unit=1, shadow_mode: true, quota_mode: false\n');
  });

  it('has the metrics of envoyproxy/ratelimit', async () => {
    const request = createRequest('plans', 'account=metrics');
    for (let sent = 0; sent < 3; sent++) await node.ask(request);
    const { body } = await node.get('debug', '/metrics');
    const labels = '{domain="plans",key1="account_metrics"}';
    expect(body).toContain(`ratelimit_service_rate_limit_total_hits${labels} 3\n`);
    expect(body).toContain(`ratelimit_service_rate_limit_within_limit${labels} 1\n`);
    expect(body).toContain(`ratelimit_service_rate_limit_near_limit${labels} 1\n`);
    expect(body).toContain(`ratelimit_service_rate_limit_over_limit${labels} 2\n`);
    expect(body).toContain('ratelimit_service_config_load_success 1\n');
    expect(body).toMatch(/ratelimit_service_total_requests\{grpc_method="ShouldRateLimit"\} \d+\n/);
  });

  it('does not serve Check, which would let nobody in', async () => {
    const error = await node.client.callAndFail(AuthorizationService.check, CheckRequest.fromPartial({}));
    expect(error.code).toBe(GrpcStatus.UNIMPLEMENTED);
  });

  it('reloads its files, and keeps the rules when they have faults', async () => {
    const file = path.join(root, 'config/late');
    await writeFile(file, 'domain: late\ndescriptors: [{key: a, rate_limit: {unit: year, requests_per_unit: 0}}]');
    const isLimited = async () => (await node.ask(createRequest('late', 'a=b'))).status === 429;
    await waitUntil(isLimited);
    await writeFile(file, 'domain: late\ndescriptors: [{key: a, rate_limit: {unit: fortnight}}]');
    await waitUntil(async () => (await node.get('debug', '/metrics')).body.includes('config_load_error 1\n'));
    expect(await isLimited()).toBe(true);
    await rm(file);
  });
});

describe('weir ratelimit at its start', () => {
  it('serves an empty folder, without limits', async () => {
    const empty = await createRuntimeRoot({});
    const unlimited = await RatelimitNode.start({
      RUNTIME_ROOT: empty,
      HEALTHY_WITH_AT_LEAST_ONE_CONFIG_LOADED: 'true',
    });
    expect((await unlimited.ask(createRequest('shop', 'user=a'))).status).toBe(200);
    expect((await unlimited.get('http', '/healthcheck')).status).toBe(500);
    await writeFile(path.join(empty, 'config/a'), 'domain: a');
    await waitUntil(async () => (await unlimited.get('http', '/healthcheck')).status === 200);
    await unlimited.stop();
    await rm(empty, { recursive: true, force: true });
  });

  it('fails if files have faults, unless it may start without rules', async () => {
    const broken = await createRuntimeRoot({ 'config/a': 'domain: shop\nrules: []' });
    await expect(RatelimitNode.start({ RUNTIME_ROOT: broken })).rejects.toThrow(InvalidRules);
    const unlimited = await RatelimitNode.start({
      RUNTIME_ROOT: broken,
      FORCE_START_WITHOUT_INITIAL_CONFIG: 'true',
    });
    expect((await unlimited.ask(createRequest('shop', 'user=a'))).status).toBe(200);
    await unlimited.stop();
    await rm(broken, { recursive: true, force: true });
  });

  it('does not charge what it rejects with STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT, and rejects nothing in shadow mode', async () => {
    const environment = { RUNTIME_ROOT: root, RUNTIME_IGNOREDOTFILES: 'true' };
    const lenient = await RatelimitNode.start({ ...environment, STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT: 'true' });
    const ask = (hitsAddend: number) => lenient.ask({ ...createRequest('shop', 'user=b'), hitsAddend });
    expect([(await ask(3)).status, (await ask(2)).status]).toEqual([429, 200]);
    await lenient.stop();
    const shadow = await RatelimitNode.start({ ...environment, SHADOW_MODE: 'true' });
    const { status, body } = await shadow.ask({ ...createRequest('shop', 'user=b'), hitsAddend: 3 });
    expect({ status, overallCode: body.overallCode, code: body.statuses[0]?.code }).toEqual({
      status: 200,
      overallCode: 'OK',
      code: 'OVER_LIMIT',
    });
    expect((await shadow.get('debug', '/metrics')).body).toContain('ratelimit_service_global_shadow_mode 1\n');
    await shadow.stop();
  });
});
