/**
 * A filter that asks a server before Envoy forwards a request. `leased_ratelimit` is the rate limit filter with one limit
 * for all tenants. Nodes may lease slices of it.
 */
export type FilterName = 'ratelimit' | 'leased_ratelimit' | 'ext_authz';

/** A listener of Envoy with HTTP filters that ask a server. All forward to the same upstream. */
export interface EnvoyListener {
  readonly port: number;
  readonly filters: readonly FilterName[];
  /** Port of the gRPC server that the filters ask. undefined: there are no filters. */
  readonly serverPort: number | undefined;
}

const EXTENSIONS = 'type.googleapis.com/envoy.extensions';
/** Long enough that no filter gives up: a request that is late has to show in the latencies. */
const FILTER_TIMEOUT = '5s';
/** Envoy's default of 1,024 requests in flight would reject requests of a server that stalls. */
const CIRCUIT_BREAKERS = { thresholds: [{ max_connections: 8192, max_pending_requests: 8192, max_requests: 8192 }] };

/**
 * Builds a configuration of Envoy with these listeners. The upstream is one more listener, which responds at once, so
 * that it takes little from the cores that all of them share.
 */
export function buildEnvoyConfiguration(
  adminPort: number,
  upstreamPort: number,
  listeners: readonly EnvoyListener[],
): object {
  const upstream = { match: { prefix: '/' }, direct_response: { status: 200 } };
  return {
    admin: { address: buildAddress(adminPort) },
    static_resources: {
      listeners: [buildListener(upstreamPort, [], upstream), ...listeners.map(buildFilteredListener)],
      clusters: [
        buildCluster('upstream', upstreamPort),
        ...listeners.flatMap(({ serverPort, port }) =>
          serverPort === undefined
            ? []
            : [{ ...buildCluster(formatClusterName(port), serverPort), ...buildHttp2Options() }],
        ),
      ],
    },
  };
}

function buildFilteredListener({ port, filters }: EnvoyListener): object {
  const isBoth = filters.length === 2;
  // As in envoy/envoy.yaml: one of two filters authenticates, and the other charges the plan of the API key.
  const perRoute = {
    '@type': `${EXTENSIONS}.filters.http.ext_authz.v3.ExtAuthzPerRoute`,
    check_settings: { context_extensions: { 'weir.rate_limit': 'off' } },
  };
  const route = {
    match: { prefix: '/' },
    route: { cluster: 'upstream', rate_limits: [{ actions: [chooseDescriptor(filters)] }] },
    ...(isBoth ? { typed_per_filter_config: { 'envoy.filters.http.ext_authz': perRoute } } : {}),
  };
  const service = { envoy_grpc: { cluster_name: formatClusterName(port) } };
  const httpFilters = filters.map((filter) =>
    filter === 'ext_authz' ? buildAuthorizationFilter(service) : buildRateLimitFilter(service, isBoth),
  );
  return buildListener(port, httpFilters, route);
}

const TENANT_DESCRIPTOR = { request_headers: { header_name: 'x-tenant', descriptor_key: 'tenant' } };
const LEASED_DESCRIPTOR = { generic_key: { descriptor_key: 'leased', descriptor_value: 'everybody' } };
const API_KEY_DESCRIPTOR = {
  metadata: {
    descriptor_key: 'api_key',
    source: 'DYNAMIC',
    metadata_key: { key: 'envoy.filters.http.ext_authz', path: [{ key: 'api_key' }] },
  },
};

function chooseDescriptor(filters: readonly FilterName[]): object {
  if (filters.includes('leased_ratelimit')) return LEASED_DESCRIPTOR;
  return filters.length === 2 ? API_KEY_DESCRIPTOR : TENANT_DESCRIPTOR;
}

function buildAuthorizationFilter(service: object): object {
  return {
    name: 'envoy.filters.http.ext_authz',
    typed_config: {
      '@type': `${EXTENSIONS}.filters.http.ext_authz.v3.ExtAuthz`,
      transport_api_version: 'V3',
      grpc_service: { ...service, timeout: FILTER_TIMEOUT },
    },
  };
}

function buildRateLimitFilter(service: object, isBoth: boolean): object {
  return {
    name: 'envoy.filters.http.ratelimit',
    typed_config: {
      '@type': `${EXTENSIONS}.filters.http.ratelimit.v3.RateLimit`,
      domain: isBoth ? 'plans' : 'bench',
      timeout: FILTER_TIMEOUT,
      failure_mode_deny: true,
      rate_limit_service: { transport_api_version: 'V3', grpc_service: service },
    },
  };
}

function buildListener(port: number, filters: readonly object[], route: object): object {
  const router = {
    name: 'envoy.filters.http.router',
    typed_config: { '@type': `${EXTENSIONS}.filters.http.router.v3.Router` },
  };
  const manager = {
    '@type': `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: `port_${port}`,
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }] },
    http_filters: [...filters, router],
  };
  return {
    name: `port_${port}`,
    address: buildAddress(port),
    // Otherwise chance decides how many connections a worker gets.
    connection_balance_config: { exact_balance: {} },
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }],
  };
}

function buildCluster(name: string, port: number): object {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: buildAddress(port) } }] }];
  return {
    name,
    type: 'STATIC',
    circuit_breakers: CIRCUIT_BREAKERS,
    load_assignment: { cluster_name: name, endpoints },
  };
}

function buildHttp2Options(): object {
  const options = {
    '@type': `${EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions`,
    explicit_http_config: { http2_protocol_options: {} },
  };
  return { typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': options } };
}

function buildAddress(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

/** Each listener has connections of its own to its server. */
function formatClusterName(listenerPort: number): string {
  return `server_of_${listenerPort}`;
}
