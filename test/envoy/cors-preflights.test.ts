import { describe, expect } from 'vitest';
import {
  type EnvoyChange,
  EXT_AUTHZ_FILTER,
  HEADER_MUTATION_FILTER,
  removeFilter,
  setContextExtensions,
  setFilterField,
} from '../../demo/envoy-configuration.ts';
import { sendOverHttp1 } from '../../demo/http-clients.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';

const RULES = `
domain: edge
descriptors:
  - {key: route, value: limited, rate_limit: {requests: 2, window: 60s}}
`;

type HeaderLines = [name: string, value: string][];

const PREFLIGHT: HeaderLines = [
  ['origin', 'https://app.example'],
  ['access-control-request-method', 'DELETE'],
];
const FORGED: HeaderLines = [
  ['x-weir-account', 'somebody'],
  ['x-weir-plan', 'enterprise'],
  ['x-weir-key', 'k'],
];

const it = test.override('rules', RULES);

const send = (origin: string, headers: HeaderLines, method = 'OPTIONS') =>
  sendThrough(origin, { method, path: '/orders', headers });

describe('an origin that envoy/envoy.yaml lets call the API', () => {
  const allowed: HeaderLines = [['origin', 'https://app.example.com']];

  it('gets the answer to its preflights from Envoy, without a credential', async ({ envoy }) => {
    const preflight: HeaderLines = [...allowed, ['access-control-request-method', 'DELETE']];
    const { status, headers } = await sendOverHttp1(envoy, { method: 'OPTIONS', path: '/orders', headers: preflight });
    expect(status).toBe(200);
    expect(headers['access-control-allow-origin']).toBe('https://app.example.com');
    expect(headers['access-control-allow-headers']).toContain('x-api-key');
  });

  it('can read denials, which have the security headers, too', async ({ envoy }) => {
    const { status, response } = await send(envoy, allowed, 'GET');
    expect(status).toBe(401);
    const { headers } = response;
    expect(headers['access-control-allow-origin']).toBe('https://app.example.com');
    expect(headers['access-control-expose-headers']).toContain('retry-after');
    expect(headers['x-content-type-options']).toBe('nosniff');
  });
});

describe('a CORS preflight behind a real Envoy', () => {
  it('is denied with 401 unless the route allows preflights', async ({ envoy }) => {
    expect((await send(envoy, PREFLIGHT)).status).toBe(401);
  });

  describe.for<[form: string, changes: EnvoyChange[]]>([
    ['headers', []],
    ['header_map', [setFilterField(EXT_AUTHZ_FILTER, ['encode_raw_headers'], true)]],
  ])('on a route that allows preflights, with the headers sent to Weir as %s', ([, changes]) => {
    let origin: string;

    it.beforeAll(async ({ weir }) => {
      const extensions = { 'weir.cors_preflight': 'allow', 'weir.require': 'export' };
      origin = await weir.envoy(setContextExtensions(extensions), removeFilter(HEADER_MUTATION_FILTER), ...changes);
    });

    it('passes without an identity', async () => {
      const { status, received } = await send(origin, [...PREFLIGHT, ...FORGED]);
      expect(status).toBe(200);
      expect(received).toMatchObject({ method: 'OPTIONS', path: '/orders' });
      expect(received?.headers.filter((header) => /weir/i.test(header))).toEqual([]);
      expect(received?.headers).toContain('origin: https://app.example');
    });

    it('must have the method OPTIONS, both headers and no credential', async () => {
      for (const method of ['GET', 'POST', 'DELETE']) expect((await send(origin, PREFLIGHT, method)).status).toBe(401);
      for (const header of PREFLIGHT) expect((await send(origin, [header])).status).toBe(401);
      const { status, response } = await send(origin, [...PREFLIGHT, ['x-api-key', 'wk_live_wrong']]);
      expect([status, JSON.parse(response.body).error.code]).toEqual([401, 'malformed_credential']);
    });
  });

  it('is charged by the rules of the domain edge', async ({ weir }) => {
    const extensions = { 'weir.cors_preflight': 'allow', 'weir.route': 'limited' };
    const origin = await weir.envoy(setContextExtensions(extensions));
    const statuses = [];
    for (let time = 0; time < 3; time++) statuses.push((await send(origin, PREFLIGHT)).status);
    expect(statuses).toEqual([200, 200, 429]);
  });
});
