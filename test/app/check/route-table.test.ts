import { mkdtemp, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { describe, expect } from 'vitest';
import { AuthorizationService, CheckRequest } from '../../../src/generated/envoy/service/auth/v3/external_auth.ts';
import { InvalidRules } from '../../../src/rules/load/load-rules.ts';
import { addedHeaders, httpStatus, parseDenial } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import { TestNode } from '../../support/node.ts';

const ROUTES = `routes:
  - {name: get-user, methods: [GET], path: "/v1/users/{id}", cost: 3}
  - {name: export, path: /v1/export, require: [export]}
  - {name: free, path: /v1/free, rate_limit: off}
  - {name: health, path: /healthz, auth: none}
  - {name: open, path: /open, auth: optional}
  - {name: admin, hosts: [admin.example.com], path: "/**", require: [admin]}
`;

const folder = await mkdtemp(path.join(tmpdir(), 'weir-routes-'));
const routesPath = path.join(folder, 'routes.yaml');
await writeFile(routesPath, ROUTES);

interface Request {
  readonly path: string;
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly extensions?: Readonly<Record<string, string>>;
  /** Of the first resource of the route. */
  readonly annotations?: Readonly<Record<string, unknown>>;
}

const lines: string[] = [];
const it = test
  .override('environment', { ROUTES_PATH: routesPath, API_KEY_QUERY_PARAMETER: 'api_key' })
  .override('log', pino({ level: 'info' }, { write: (line) => void lines.push(line) }))
  .extend('secret', { scope: 'file' }, async ({ node, administrator }) => {
    await node.createPlan(administrator, 'team', 1000);
    return (await node.createKey(administrator, 'team')).secret;
  })
  /** Checks a request with a key. Returns the code of the denial, or 200 and what the request cost. */
  .extend('send', { scope: 'file' }, ({ node, secret }) => async (request: Request) => {
    const before = await check(node, { path: '/v1/users/0', headers: { 'x-api-key': secret } });
    const response = await check(node, { headers: { 'x-api-key': secret }, ...request });
    const code = parseDenial(response)?.code;
    if (code !== undefined) return `${httpStatus(response)} ${code}`;
    const after = Number(addedHeaders(response)['x-ratelimit-remaining']);
    const cost = Number(addedHeaders(before)['x-ratelimit-remaining']) - after;
    return Number.isNaN(cost) ? '200 uncharged' : `200 cost ${cost}`;
  });

function check(node: TestNode, { path, method = 'GET', host = 'api.example.com', ...request }: Request) {
  const { headers = {}, extensions: contextExtensions = {}, annotations } = request;
  const resources = [{ kind: 'HTTPRoute', name: 'r', annotations }];
  const routeMetadataContext = annotations && { filterMetadata: { 'envoy-gateway': { resources } } };
  const http = { method, host, path, headers };
  const attributes = { request: { http }, contextExtensions, routeMetadataContext };
  return node.decision.call(AuthorizationService.check, CheckRequest.fromPartial({ attributes }));
}

describe('Check with a route table', () => {
  it.for<[request: Request, result: string]>([
    [{ path: '/v1/users/5' }, '200 cost 3'],
    [{ path: '/v1/users/5?x=1' }, '200 cost 3'],
    [{ path: '/v1/users/5', method: 'POST' }, '200 cost 1'],
    [{ path: '/v1/export' }, '403 missing_feature'],
    [{ path: '/v1/free' }, '200 uncharged'],
    [{ path: '/healthz' }, '200 uncharged'],
    [{ path: '/healthz', headers: {} }, '200 uncharged'],
    [{ path: '/healthz', headers: { 'x-api-key': 'no key' } }, '200 uncharged'],
    [{ path: '/open', headers: {} }, '200 uncharged'],
    [{ path: '/open', headers: { 'x-api-key': 'no key' } }, '401 malformed_credential'],
    [{ path: '/other' }, '200 cost 1'],
    [{ path: '/other', headers: {} }, '401 missing_credential'],
    [{ path: '/healthz', host: 'admin.example.com' }, '403 missing_feature'],
    [{ path: '/healthz', host: 'ADMIN.example.com:8443' }, '403 missing_feature'],
    [{ path: '/v1//export' }, '400 ambiguous_path'],
    [{ path: '/v1/%65xport' }, '400 ambiguous_path'],
    [{ path: '/v1/export/' }, '400 ambiguous_path'],
    [{ path: '/x/../healthz' }, '400 ambiguous_path'],
    [{ path: '/healthz\0' }, '400 ambiguous_path'],
    [{ path: 'http://api.example.com/healthz' }, '400 ambiguous_path'],
    [{ path: '*', method: 'OPTIONS' }, '200 cost 1'],
    [{ path: '', method: 'CONNECT' }, '200 cost 1'],
    [{ path: `/v1/users/${'x'.repeat(60_000)}` }, '200 cost 3'],
    [{ path: `/v1${'/users'.repeat(10_000)}` }, '200 cost 1'],
  ])('answers %j with %s', async ([request, result], { send }) => {
    expect(await send(request)).toBe(result);
  });

  it.for<[what: string, request: Request, result: string]>([
    ['cost of a context extension wins', { path: '/v1/users/5', extensions: { 'weir.cost': '7' } }, '200 cost 7'],
    ['the same of an annotation', { path: '/v1/users/5', annotations: { 'weir.cost': '8' } }, '200 cost 8'],
    [
      'context extensions win over annotations',
      { path: '/v1/users/5', extensions: { 'weir.cost': '7' }, annotations: { 'weir.cost': '8' } },
      '200 cost 7',
    ],
    [
      'a context extension demands a credential',
      { path: '/healthz', headers: {}, extensions: { 'weir.auth': 'required' } },
      '401 missing_credential',
    ],
    [
      'an annotation does, too',
      { path: '/healthz', headers: {}, annotations: { 'weir.auth': 'required' } },
      '401 missing_credential',
    ],
    [
      'a context extension demands a feature where the table demands nothing',
      { path: '/healthz', extensions: { 'weir.require': 'x' } },
      '403 missing_feature',
    ],
    [
      'a table demands a feature next to that of a context extension',
      { path: '/v1/export', extensions: { 'weir.require': 'export' } },
      '403 missing_feature',
    ],
    [
      'a context extension charges the plan',
      { path: '/v1/free', extensions: { 'weir.rate_limit': 'on' } },
      '200 cost 1',
    ],
    [
      'an annotation makes a route optional, without a table',
      { path: '/unknown', headers: {}, annotations: { 'weir.auth': 'optional' } },
      '200 uncharged',
    ],
    [
      'a misspelled annotation is a fault',
      { path: '/unknown', annotations: { 'weir.auht': 'optional' } },
      '500 invalid_configuration',
    ],
    [
      'a wrong value of an annotation is a fault',
      { path: '/unknown', annotations: { 'weir.auth': 'maybe' } },
      '500 invalid_configuration',
    ],
    ['annotations of others are ignored', { path: '/unknown', annotations: { foo: 'bar', list: [1] } }, '200 cost 1'],
  ])('%s', async ([_, request, result], { send }) => {
    expect(await send(request)).toBe(result);
  });

  it('leaves the credential to the upstream where it reads none', async ({ node, secret }) => {
    const headers = { 'x-api-key': secret, authorization: 'Basic eDp5' };
    const response = await check(node, { path: `/healthz?api_key=${secret}`, headers });
    if (response.httpResponse?.$case !== 'okResponse') throw new Error('the request was denied');
    const { headersToRemove, queryParametersToRemove } = response.httpResponse.value;
    expect(headersToRemove.toSorted()).toEqual(['x-weir-account', 'x-weir-key', 'x-weir-plan']);
    expect(queryParametersToRemove).toEqual([]);
  });

  it('applies changes of the file, and keeps the table while the file has faults', async ({ send, metrics }) => {
    const replace = async (text: string) => {
      await writeFile(`${routesPath}.new`, text);
      await rename(`${routesPath}.new`, routesPath);
    };
    expect(await send({ path: '/reloaded' })).toBe('200 cost 1');
    await replace(`${ROUTES}  - {name: reloaded, path: /reloaded, cost: 5}\nunmatched: deny\n`);
    await expect.poll(() => send({ path: '/reloaded' })).toBe('200 cost 5');
    expect(await send({ path: '/unknown' })).toBe('403 unknown_route');
    expect(await send({ path: '/unknown', headers: {} })).toBe('403 unknown_route');
    // A request whose route the proxy names has a route.
    expect(await send({ path: '/unknown', extensions: { 'weir.route': 'named' } })).toBe('200 cost 1');
    const preflight = { origin: 'https://a.example', 'access-control-request-method': 'GET' };
    const options = { path: '/unknown', method: 'OPTIONS', headers: preflight };
    expect(await send({ ...options, extensions: { 'weir.cors_preflight': 'allow' } })).toBe('200 uncharged');
    expect(await send(options)).toBe('403 unknown_route');
    await replace('routes:\n  - {nme: x, path: /x}\n');
    await expect.poll(metrics).toMatch(/^weir_routes_outdated 1$/m);
    expect(await send({ path: '/reloaded' })).toBe('200 cost 5');
    expect(lines.join('')).toContain('routes reload failed; the previous routes stay in force');
    expect(lines.join('')).toContain('routes[0].nme: unknown field; did you mean name?');
    await replace(`${ROUTES}ambiguous_paths: opaque\n`);
    await expect.poll(metrics).toMatch(/^weir_routes_outdated 0$/m);
    expect(await send({ path: '/v1//export' })).toBe('200 cost 1');
    expect(await metrics()).toMatch(/^weir_routes_reloads_total\{result="taken_up"\} 2$/m);
  });

  it('does not start with a table that has faults', async ({ databaseUrl }) => {
    const file = path.join(folder, 'broken.yaml');
    await writeFile(file, 'routes: [{name: a, path: a}]');
    await expect(TestNode.start({ DATABASE_URL: databaseUrl, ROUTES_PATH: file })).rejects.toThrow(InvalidRules);
  });
});
