import { readFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { parse, stringify } from 'yaml';
import {
  addFilterBefore,
  type EnvoyChange,
  keepFilters,
  RATE_LIMIT_FILTER,
  ROUTER_FILTER,
  setConnectionManagerField,
  setFilterField,
} from '../../demo/envoy-configuration.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';

type Fields = Readonly<Record<string, unknown>>;

/** descriptor-actions.yaml explains the fields. */
interface Case {
  readonly title: string;
  readonly routes: readonly Fields[];
  readonly rules: readonly Fields[];
  readonly steps: readonly (readonly [status: number, request: CaseRequest])[];
}

interface CaseRequest {
  readonly route?: number;
  readonly query?: string;
  readonly [header: string]: string | number | undefined;
}

const FILTERS = 'type.googleapis.com/envoy.extensions.filters.http';
const ONE_AN_HOUR = { unit: 'hour', requests_per_unit: 1 };

const setMetadataFromHeader = filter('header_to_metadata', 'header_to_metadata.v3.Config', {
  request_rules: [{ header: 'x-user', on_header_present: { metadata_namespace: 'test', key: 'user' } }],
});
const setLimitsInMetadata = filter('set_metadata', 'set_metadata.v3.Config', {
  metadata: [
    {
      metadata_namespace: 'limits',
      value: {
        one: { requests_per_unit: 1, unit: 'HOUR' },
        two: { requests_per_unit: 2, unit: 'HOUR' },
        five_minutes: { requests_per_unit: 3, unit: 'MINUTE', unit_multiplier: 5 },
        fortnight: { requests_per_unit: 1, unit: 'FORTNIGHT' },
      },
    },
  ],
});
const laterRateLimit = filter('ratelimit', 'ratelimit.v3.RateLimit', {
  domain: 'later',
  stage: 1,
  timeout: '5s',
  failure_mode_deny: true,
  rate_limit_service: { transport_api_version: 'V3', grpc_service: { envoy_grpc: { cluster_name: 'weir' } } },
});

const cases: readonly Case[] = parse(await readFile(new URL('descriptor-actions.yaml', import.meta.url), 'utf8'));

const it = test
  .override('rules', {
    'actions.yaml': formatRules('actions', [
      { key: 'source_cluster', rate_limit: ONE_AN_HOUR },
      { key: 'minutes', rate_limit: { unit: 'minute', unit_multiplier: 5, requests_per_unit: 7 } },
      ...cases.flatMap(({ rules }) => rules),
    ]),
    'later.yaml': formatRules('later', [{ key: 'second', rate_limit: ONE_AN_HOUR }]),
  })
  /** Origins of two Envoys. They differ in source_cluster, which is a setting of a whole Envoy. */
  .extend('origins', { scope: 'file' }, async ({ weir }) => {
    // One after the other, so that they do not choose the same free port.
    const first = await weir.envoy(...createChanges('a', weir.upstreamPort));
    return { first, second: await weir.envoy(...createChanges('b', weir.upstreamPort)) };
  });

function formatRules(domain: string, descriptors: readonly Fields[]): string {
  // Rules files do not support aliases.
  return stringify({ domain, descriptors }, { aliasDuplicateObjects: false });
}

describe('a real Envoy and Weir’s rules', () => {
  it.for(cases.map((each, index) => ({ ...each, index })))('$title', async ({ index, steps }, { origins }) => {
    const answered: [status: number, request: CaseRequest][] = [];
    for (const [, request] of steps) answered.push([await send(origins.first, index, request), request]);
    expect(answered).toEqual(steps);
  });

  it('report a window of several units in Envoy’s own header', async ({ origins }) => {
    const { response } = await sendThrough(origins.first, { path: '/five-minutes' });
    expect(response.headers['ratelimit-policy']).toBe('"5m";q=7;w=300');
    expect(response.headers['x-ratelimit-limit']).toBe('7, 7;w=300;name="actions.minutes"');
  });

  it('apply a limit in dynamic metadata without its unit_multiplier, which Envoy 1.40 drops', async ({ origins }) => {
    const { response } = await sendThrough(origins.first, { path: '/five-minutes/override' });
    expect(response.headers['ratelimit-policy']).toBe('"1m";q=3;w=60');
  });

  it('count by source_cluster', async ({ origins }) => {
    for (const origin of [origins.first, origins.second]) {
      const path = '/source-cluster';
      const statuses = [(await sendThrough(origin, { path })).status, (await sendThrough(origin, { path })).status];
      expect(statuses).toEqual([200, 429]);
    }
  });
});

/** Sends a request of the case with this index. */
async function send(origin: string, index: number, { route = 0, query, ...headers }: CaseRequest): Promise<number> {
  const lines = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  const path = `/${index}/${route}${query === undefined ? '' : `?${query}`}`;
  return (await sendThrough(origin, { path, headers: lines })).status;
}

/**
 * Sets up an Envoy whose only decisions are those of the rate limit filter: the cases' routes, and filters that set the
 * metadata that the cases read.
 */
function createChanges(cluster: string, upstreamPort: number): EnvoyChange[] {
  const hostLimits = [{ actions: [{ request_headers: { header_name: 'x-host-user', descriptor_key: 'of_host' } }] }];
  const routes = cases.flatMap((each, index) =>
    each.routes.map((fields, route) => createRoute(`/${index}/${route}`, fields)),
  );
  routes.push(createRoute('/source-cluster', { rate_limits: [{ actions: [{ source_cluster: {} }] }] }));
  const fiveMinutes = { dynamic_metadata: { metadata_key: { key: 'limits', path: [{ key: 'five_minutes' }] } } };
  const minutes = [{ generic_key: { descriptor_key: 'minutes', descriptor_value: 'five' } }];
  routes.push(createRoute('/five-minutes/override', { rate_limits: [{ limit: fiveMinutes, actions: minutes }] }));
  routes.push(createRoute('/five-minutes', { rate_limits: [{ actions: minutes }] }));
  return [
    setFilterField(RATE_LIMIT_FILTER, ['domain'], 'actions'),
    setFilterField(RATE_LIMIT_FILTER, ['enable_x_ratelimit_headers'], 'DRAFT_VERSION_03'),
    keepFilters(RATE_LIMIT_FILTER),
    addFilterBefore(RATE_LIMIT_FILTER, setMetadataFromHeader),
    addFilterBefore(RATE_LIMIT_FILTER, setLimitsInMetadata),
    addFilterBefore(ROUTER_FILTER, laterRateLimit),
    // The client's address is the one in X-Forwarded-For.
    setConnectionManagerField(['xff_num_trusted_hops'], 1),
    setConnectionManagerField(['route_config', 'virtual_hosts', 0, 'rate_limits'], hostLimits),
    setConnectionManagerField(['route_config', 'virtual_hosts', 0, 'routes'], routes),
    (configuration) => {
      configuration.set('node', configuration.createNode({ id: cluster, cluster }));
      configuration.addIn(['static_resources', 'clusters'], configuration.createNode(createOtherCluster(upstreamPort)));
    },
  ];
}

function createRoute(prefix: string, { rate_limits, per_route, cluster_header, ...fields }: Fields): Fields {
  const cluster = cluster_header === undefined ? { cluster: 'upstream' } : { cluster_header };
  const filters = {
    [RATE_LIMIT_FILTER]: { '@type': `${FILTERS}.ratelimit.v3.RateLimitPerRoute`, rate_limits: per_route },
  };
  return {
    ...fields,
    match: { path_separated_prefix: prefix },
    route: { ...cluster, ...(rate_limits !== undefined && { rate_limits }) },
    ...(per_route !== undefined && { typed_per_filter_config: filters }),
  };
}

function filter(name: string, type: string, fields: Fields): Fields {
  return { name: `envoy.filters.http.${name}`, typed_config: { '@type': `${FILTERS}.${type}`, ...fields } };
}

/** A cluster `other` with the same upstream as `upstream`. */
function createOtherCluster(port_value: number): Fields {
  const endpoint = { address: { socket_address: { address: '127.0.0.1', port_value } } };
  const load_assignment = { cluster_name: 'other', endpoints: [{ lb_endpoints: [{ endpoint }] }] };
  return { name: 'other', type: 'STATIC', load_assignment };
}
