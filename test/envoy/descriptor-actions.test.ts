import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { type EnvoyChange, ofConnectionManager, ofFilter, RATE_LIMIT } from '../../demo/envoy.ts';
import { WeirBehindEnvoy, sendThrough } from '../support/weir-behind-envoy.ts';
import { newDatabase } from '../support/databases.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What the fields are is told in descriptor-actions.yaml. */
interface Case {
  readonly of: string;
  readonly routes: readonly Fields[];
  readonly rules: readonly Fields[];
  readonly steps: readonly (readonly [status: number, asked: Asked])[];
}

interface Asked {
  readonly route?: number;
  readonly query?: string;
  readonly [header: string]: string | number | undefined;
}

const FILTERS = 'type.googleapis.com/envoy.extensions.filters.http';
const ONCE = { unit: 'hour', requests_per_unit: 1 };
/** Told apart by source_cluster, which is of the whole Envoy. */
const ENVOYS = ['a', 'b'];

const metadataOfHeader = filter('header_to_metadata', 'header_to_metadata.v3.Config', {
  request_rules: [{ header: 'x-user', on_header_present: { metadata_namespace: 'test', key: 'user' } }],
});
const metadataOfLimits = filter('set_metadata', 'set_metadata.v3.Config', {
  metadata: [
    {
      metadata_namespace: 'limits',
      value: {
        one: { requests_per_unit: 1, unit: 'HOUR' },
        two: { requests_per_unit: 2, unit: 'HOUR' },
        fortnight: { requests_per_unit: 1, unit: 'FORTNIGHT' },
      },
    },
  ],
});
const askingLater = filter('ratelimit', 'ratelimit.v3.RateLimit', {
  domain: 'later',
  stage: 1,
  timeout: '5s',
  failure_mode_deny: true,
  rate_limit_service: { transport_api_version: 'V3', grpc_service: { envoy_grpc: { cluster_name: 'weir' } } },
});

const cases: readonly Case[] = parse(await readFile(new URL('descriptor-actions.yaml', import.meta.url), 'utf8'));
let folder: string;
let weir: WeirBehindEnvoy;
const origins: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-actions-'));
  const ofEnvoy = { key: 'source_cluster', rate_limit: ONCE };
  await writeRules('actions', [ofEnvoy, ...cases.flatMap(({ rules }) => rules)]);
  await writeRules('later', [{ key: 'second', rate_limit: ONCE }]);
  weir = await WeirBehindEnvoy.start({ DATABASE_URL: await newDatabase(), RULES_PATH: folder });
  // One after the other: a port that was free for one of them is taken before the next one looks.
  for (const cluster of ENVOYS) origins.push(await weir.envoy(...changes(cluster)));
}, 600_000);
afterAll(async () => {
  await weir?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function writeRules(domain: string, descriptors: readonly Fields[]): Promise<void> {
  // Rules files have no aliases.
  const text = stringify({ domain, descriptors }, { aliasDuplicateObjects: false });
  await writeFile(path.join(folder, `${domain}.yaml`), text);
}

describe('a real Envoy and Weir’s rules decide by', () => {
  it.each(cases.map((each, at) => ({ ...each, at })))('$of', async ({ at, steps }) => {
    const answered: [status: number, asked: Asked][] = [];
    for (const [, asked] of steps) answered.push([await ask(at, asked), asked]);
    expect(answered).toEqual(steps);
  });

  it('source_cluster', async () => {
    for (const origin of origins) {
      const path = '/source-cluster';
      expect([(await sendThrough(origin, { path })).status, (await sendThrough(origin, { path })).status]).toEqual([200, 429]);
    }
  });
});

async function ask(at: number, { route = 0, query, ...headers }: Asked): Promise<number> {
  const lines = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  const path = `/${at}/${route}${query === undefined ? '' : `?${query}`}`;
  return (await sendThrough(origins[0] ?? '', { path, headers: lines })).status;
}

/** The cases' routes, before a Weir that is asked of limits alone, and what sets the metadata that they read. */
function changes(cluster: string): EnvoyChange[] {
  const hostLimits = [{ actions: [{ request_headers: { header_name: 'x-host-user', descriptor_key: 'of_host' } }] }];
  const routes = cases.flatMap((each, at) => each.routes.map((fields, index) => routeOf(`/${at}/${index}`, fields)));
  routes.push(routeOf('/source-cluster', { rate_limits: [{ actions: [{ source_cluster: {} }] }] }));
  return [
    ofFilter(RATE_LIMIT, ['domain'], 'actions'),
    // In the places of all filters but that one.
    ofConnectionManager(['http_filters', 0], metadataOfHeader),
    ofConnectionManager(['http_filters', 1], metadataOfLimits),
    ofConnectionManager(['http_filters', 3], askingLater),
    ofConnectionManager(['http_filters', 4], filter('router', 'router.v3.Router', {})),
    // The client's address is what X-Forwarded-For says.
    ofConnectionManager(['xff_num_trusted_hops'], 1),
    ofConnectionManager(['route_config', 'virtual_hosts', 0, 'rate_limits'], hostLimits),
    ofConnectionManager(['route_config', 'virtual_hosts', 0, 'routes'], routes),
    (configuration) => {
      configuration.set('node', configuration.createNode({ id: cluster, cluster }));
      configuration.addIn(['static_resources', 'clusters'], configuration.createNode(otherCluster(weir.upstreamPort)));
    },
  ];
}

function routeOf(prefix: string, { rate_limits, per_route, cluster_header, ...fields }: Fields): Fields {
  const cluster = cluster_header === undefined ? { cluster: 'upstream' } : { cluster_header };
  const filters = { [RATE_LIMIT]: { '@type': `${FILTERS}.ratelimit.v3.RateLimitPerRoute`, rate_limits: per_route } };
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

function otherCluster(port_value: number): Fields {
  const endpoint = { address: { socket_address: { address: '127.0.0.1', port_value } } };
  const load_assignment = { cluster_name: 'other', endpoints: [{ lb_endpoints: [{ endpoint }] }] };
  return { name: 'other', type: 'STATIC', load_assignment };
}
