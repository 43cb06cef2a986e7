import { type Document, isMap, isSeq, type YAMLSeq } from 'yaml';

export const EXT_AUTHZ_FILTER = 'envoy.filters.http.ext_authz';
export const RATE_LIMIT_FILTER = 'envoy.filters.http.ratelimit';
export const HEADER_MUTATION_FILTER = 'envoy.filters.http.header_mutation';
export const ROUTER_FILTER = 'envoy.filters.http.router';

/** Changes the configuration that a file of envoy/ contains, before Envoy starts with it. */
export type EnvoyChange = (configuration: Document) => void;

/** Keys and indexes that lead to a value in a YAML document. */
export type YamlPath = readonly (string | number)[];

const CONNECTION_MANAGER: YamlPath = [
  'static_resources',
  'listeners',
  0,
  'filter_chains',
  0,
  'filters',
  0,
  'typed_config',
];
const HTTP_FILTERS: YamlPath = [...CONNECTION_MANAGER, 'http_filters'];

/** Removes an HTTP filter. */
export function removeFilter(filterName: string): EnvoyChange {
  return (configuration) => configuration.deleteIn(findFilter(configuration, filterName));
}

/** Removes all HTTP filters but these, and the router. */
export function keepFilters(...names: readonly string[]): EnvoyChange {
  return (configuration) => {
    const filters = getFilters(configuration);
    const isKept = (item: unknown) => isMap(item) && [...names, ROUTER_FILTER].includes(String(item.get('name')));
    filters.items = filters.items.filter(isKept);
  };
}

/** Adds an HTTP filter in front of the one with this name. */
export function addFilterBefore(filterName: string, filter: unknown): EnvoyChange {
  return (configuration) => {
    const index = findIndexByName(configuration, HTTP_FILTERS, filterName);
    getFilters(configuration).items.splice(index, 0, configuration.createNode(filter));
  };
}

/** Sets a field in the configuration of an HTTP filter. `path` is relative to its `typed_config`. */
export function setFilterField(filterName: string, path: YamlPath, value: unknown): EnvoyChange {
  return (configuration) => {
    const filter = findFilter(configuration, filterName);
    configuration.setIn([...filter, 'typed_config', ...path], configuration.createNode(value));
  };
}

/** Sets how long ext_authz and the rate limit filter wait for Weir. The form of `timeout` is that of `5s`. */
export function setFilterTimeouts(timeout: string): EnvoyChange {
  return (configuration) => {
    const authorization = [...findFilter(configuration, EXT_AUTHZ_FILTER), 'typed_config', 'grpc_service'];
    const rateLimit = [...findFilter(configuration, RATE_LIMIT_FILTER), 'typed_config'];
    configuration.setIn([...authorization, 'timeout'], timeout);
    configuration.setIn([...rateLimit, 'timeout'], timeout);
    for (const service of [authorization, [...rateLimit, 'rate_limit_service', 'grpc_service']]) {
      const backOff = [...service, 'retry_policy', 'retry_back_off'];
      // Envoy limits each try by the longest back-off.
      if (configuration.hasIn(backOff)) configuration.setIn([...backOff, 'max_interval'], timeout);
    }
  };
}

/** Sets a field of the HTTP connection manager. `path` is relative to its `typed_config`. */
export function setConnectionManagerField(path: YamlPath, value: unknown): EnvoyChange {
  return (configuration) => configuration.setIn([...CONNECTION_MANAGER, ...path], configuration.createNode(value));
}

/**
 * Sets the context extensions that ext_authz sends to Weir for requests on the route `one-filter`, which has all paths.
 */
export function setContextExtensions(extensions: Readonly<Record<string, string>>): EnvoyChange {
  return (configuration) => {
    const routes: YamlPath = [...CONNECTION_MANAGER, 'route_config', 'virtual_hosts', 0, 'routes'];
    const routeIndex = findIndexByName(configuration, routes, 'one-filter');
    const perRoute = {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute',
      check_settings: { context_extensions: extensions },
    };
    const path: YamlPath = [...routes, routeIndex, 'typed_per_filter_config', EXT_AUTHZ_FILTER];
    configuration.setIn(path, configuration.createNode(perRoute));
  };
}

/** Sets the port where Envoy serves its admin interface. */
export function setAdminPort(port: number): EnvoyChange {
  return (configuration) => setAddress(configuration, ['admin', 'address'], port);
}

/** Sets the port where clients connect. */
export function setListenerPort(port: number): EnvoyChange {
  return (configuration) => setAddress(configuration, ['static_resources', 'listeners', 0, 'address'], port);
}

/** Sets the ports of a cluster's endpoints, and removes the endpoints for which there is no port. */
export function setClusterPorts(clusterName: string, ports: readonly number[]): EnvoyChange {
  return (configuration) => {
    const clusters: YamlPath = ['static_resources', 'clusters'];
    const clusterIndex = findIndexByName(configuration, clusters, clusterName);
    const endpoints: YamlPath = [...clusters, clusterIndex, 'load_assignment', 'endpoints', 0, 'lb_endpoints'];
    for (const [index, port] of ports.entries())
      setAddress(configuration, [...endpoints, index, 'endpoint', 'address'], port);
    while (configuration.hasIn([...endpoints, ports.length])) configuration.deleteIn([...endpoints, ports.length]);
  };
}

/** Sets a field of a cluster. */
export function setClusterField(clusterName: string, path: YamlPath, value: unknown): EnvoyChange {
  return (configuration) => {
    const clusters: YamlPath = ['static_resources', 'clusters'];
    const clusterIndex = findIndexByName(configuration, clusters, clusterName);
    configuration.setIn([...clusters, clusterIndex, ...path], configuration.createNode(value));
  };
}

function setAddress(configuration: Document, path: YamlPath, port: number): void {
  configuration.setIn([...path, 'socket_address', 'address'], '127.0.0.1');
  configuration.setIn([...path, 'socket_address', 'port_value'], port);
}

function getFilters(configuration: Document): YAMLSeq {
  const filters = configuration.getIn(HTTP_FILTERS);
  if (!isSeq(filters)) throw new Error(`Envoy configuration: ${HTTP_FILTERS.join('.')} must be a list`);
  return filters;
}

function findFilter(configuration: Document, name: string): YamlPath {
  return [...HTTP_FILTERS, findIndexByName(configuration, HTTP_FILTERS, name)];
}

/** Index of the item with this name in a list. Throws if the list does not contain it. */
function findIndexByName(configuration: Document, list: YamlPath, name: string): number {
  for (let index = 0; configuration.hasIn([...list, index]); index++) {
    const item = configuration.getIn([...list, index]);
    if (isMap(item) && item.get('name') === name) return index;
  }
  throw new Error(`Envoy configuration: ${list.join('.')} must contain "${name}"`);
}
