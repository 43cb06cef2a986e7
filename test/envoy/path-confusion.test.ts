import { describe, expect } from 'vitest';
import { type EnvoyChange, setConnectionManagerField } from '../../demo/envoy-configuration.ts';
import { AuthorizationService, CheckRequest } from '../../src/generated/envoy/service/auth/v3/external_auth.ts';
import { addedHeaders, httpStatus, parseDenial } from '../support/clients/decision-calls.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';
import type { TestNode } from '../support/node.ts';

/** Paths that the part that decides and the part that answers could read in different ways. */
const PATHS = [
  '//evil.example/orders',
  '//healthz',
  '//both/orders',
  '/both%2Forders',
  '/both%5Corders',
  '/both\\orders',
  '/healthz/../orders',
  '/healthz/..%2forders',
  '/healthz%2f..%2forders',
  '/healthz%5c..%5corders',
  '/healthz\\..\\orders',
  '/healthz/%2e%2e/orders',
  '/healthz/.%2e/orders',
  '/healthz/..;/orders',
  '/healthz;x',
  '/healthz;/../orders',
  '/healthz%3b/../orders',
  '/healthz%00',
  '/healthz%23/../orders',
  '/healthz#/../orders',
  '/HEALTHZ',
  '/./healthz/../../orders',
  '/orders;x=1',
  '/orders/..%252fhealthz',
  '/%2e%2e/%2e%2e/orders',
  '/healthz?/../orders',
  '/orders?/healthz',
];

const it = test
  // Weir reads paths only if keys may be in the query.
  .override('environment', { API_KEY_QUERY_PARAMETER: 'api_key' })
  .extend('secret', { scope: 'file' }, async ({ node, administrator }) => {
    await node.createPlan(administrator, 'team', 1000);
    const { secret } = await node.createKey(administrator, 'team');
    return secret;
  });

describe('Check', () => {
  const check = (node: TestNode, path: string, headers: Record<string, string>) => {
    const request = CheckRequest.fromPartial({ attributes: { request: { http: { path, headers } } } });
    return node.decision.call(AuthorizationService.check, request);
  };

  it.for([...PATHS, '', '*', 'http://other.example/orders', 'x'.repeat(60_000)])(
    'decides the same for the path %s as for any other',
    async (path, { node, secret }) => {
      expect(parseDenial(await check(node, path, {}))?.code).toBe('missing_credential');
      const before = await check(node, '/', { 'x-api-key': secret });
      const after = await check(node, path, { 'x-api-key': secret });
      expect(httpStatus(after)).toBe(200);
      const remaining = Number(addedHeaders(before)['x-ratelimit-remaining']);
      expect(Number(addedHeaders(after)['x-ratelimit-remaining'])).toBe(remaining - 1);
    },
  );
});

const UNNORMALIZED_PATHS: EnvoyChange[] = [
  setConnectionManagerField(['normalize_path'], false),
  setConnectionManagerField(['merge_slashes'], false),
  setConnectionManagerField(['path_with_escaped_slashes_action'], 'KEEP_UNCHANGED'),
];

describe.for<[name: string, changes: EnvoyChange[]]>([
  ['configured as in envoy/envoy.yaml', []],
  ['that does not normalize paths', UNNORMALIZED_PATHS],
])('a real Envoy %s', ([, changes]) => {
  let origin: string;

  it.beforeAll(async ({ weir }) => {
    origin = await weir.envoy(...changes);
  });

  it.for(PATHS)(
    'lets no request without a key reach the upstream by the path %s, except for /healthz',
    async (path) => {
      const { status, received } = await sendThrough(origin, { path });
      const pathname = received?.path.split('?')[0];
      if (status === 200) expect(pathname).toBe('/healthz');
      else expect({ status, pathname }).toEqual({ status: expect.toBeOneOf([400, 401]), pathname: undefined });
    },
  );
});

describe('a real Envoy configured as in envoy/envoy.yaml', () => {
  it.for(PATHS)('passes %s to the upstream in an unambiguous form, or not at all', async (path, { envoy, secret }) => {
    const { status, received } = await sendThrough(envoy, { path, headers: [['x-api-key', secret]] });
    if (status === 200) expect(received?.path.split('?')[0]).not.toMatch(/\/\/|\/\.\.?(\/|$)|%2f|%5c|\\|%00/i);
    else expect(status).toBeOneOf([307, 400]);
  });
});
