import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { EXT_AUTHZ_FILTER, setConnectionManagerField, setFilterField } from '../../demo/envoy-configuration.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';

const ROUTES = `unmatched: deny
routes:
  - {name: user, methods: [GET], path: "/v1/users/{id}", cost: 3}
  - {name: health, path: /healthz, auth: none}
  - {name: export, path: /v1/export, require: [export]}
`;

const routesPath = path.join(await mkdtemp(path.join(tmpdir(), 'weir-routes-')), 'routes.yaml');
await writeFile(routesPath, ROUTES);

/** A route as Envoy Gateway writes it for an HTTPRoute with annotations. */
const ANNOTATED = {
  match: { prefix: '/annotated' },
  route: { cluster: 'upstream' },
  metadata: {
    filter_metadata: {
      'envoy-gateway': {
        resources: [
          {
            kind: 'HTTPRoute',
            name: 'shop',
            namespace: 'default',
            annotations: { 'weir.route': 'annotated', 'weir.auth': 'optional', 'weir.cost': '2' },
          },
        ],
      },
    },
  },
};
/** Envoy passes paths on as clients send them. */
const AS_SENT = [
  setConnectionManagerField(['normalize_path'], false),
  setConnectionManagerField(['merge_slashes'], false),
  setConnectionManagerField(['path_with_escaped_slashes_action'], 'KEEP_UNCHANGED'),
];

const it = test
  .override('environment', { ROUTES_PATH: routesPath })
  .extend('origin', { scope: 'file' }, ({ weir }) =>
    weir.envoy(
      ...AS_SENT,
      setFilterField(EXT_AUTHZ_FILTER, ['route_metadata_context_namespaces'], ['envoy-gateway']),
      setConnectionManagerField(
        ['route_config', 'virtual_hosts', 0, 'routes'],
        [ANNOTATED, { match: { prefix: '/' }, route: { cluster: 'upstream' } }],
      ),
    ),
  )
  .extend('secret', { scope: 'file' }, async ({ node, administrator }) => {
    await node.createPlan(administrator, 'team', 1000);
    return (await node.createKey(administrator, 'team')).secret;
  });

describe('a real Envoy that sends no context extensions', () => {
  /** Sends requests with a key. Returns the status, and the code of a denial. */
  const send = async (origin: string, target: string, secret?: string, method = 'GET') => {
    const headers: [string, string][] = secret === undefined ? [] : [['x-api-key', secret]];
    const { status, response } = await sendThrough(origin, { path: target, method, headers });
    const remaining = Number(response.headers['x-ratelimit-remaining']);
    return { status, code: status >= 400 ? JSON.parse(response.body).error.code : undefined, remaining };
  };

  it('has the settings of the table', async ({ origin, secret }) => {
    const first = await send(origin, '/v1/users/1', secret);
    const second = await send(origin, '/v1/users/2?x=/healthz', secret);
    expect([first.status, first.remaining - second.remaining]).toEqual([200, 3]);
    expect(await send(origin, '/v1/users/1')).toMatchObject({ status: 401, code: 'missing_credential' });
    expect(await send(origin, '/healthz')).toMatchObject({ status: 200 });
    expect(await send(origin, '/v1/export', secret)).toMatchObject({ status: 403, code: 'missing_feature' });
    expect(await send(origin, '/v1/users/1', secret, 'POST')).toMatchObject({ status: 403, code: 'unknown_route' });
    expect(await send(origin, '/unknown', secret)).toMatchObject({ status: 403, code: 'unknown_route' });
  });

  it.for([
    ...['/v1//export', '/x/../healthz', '/%68ealthz', '/healthz%2f..%2fv1', '/healthz;x', '/healthz/', '/healthz/.'],
  ])('denies the ambiguous path %s with 400', async (target, { origin, secret }) => {
    expect(await send(origin, target, secret)).toMatchObject({ status: 400, code: 'ambiguous_path' });
  });

  it('adds the annotations of the route’s resource, which win over the table', async ({ origin, secret }) => {
    const { remaining } = await send(origin, '/v1/users/1', secret);
    expect(await send(origin, '/annotated', secret)).toMatchObject({ status: 200, remaining: remaining - 2 });
    expect(await send(origin, '/annotated')).toMatchObject({ status: 200 });
  });
});
