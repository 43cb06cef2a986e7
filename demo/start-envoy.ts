import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Document, isMap, parseDocument } from 'yaml';
import { findEnvoy } from '../provision/envoy.ts';
import { freePort } from '../provision/free-port.ts';
import { Child } from './server-process.ts';

const FOLDER = fileURLToPath(new URL('../envoy/', import.meta.url));

const PATIENCE = '5s';

export const EXT_AUTHZ = 'envoy.filters.http.ext_authz';
export const RATE_LIMIT = 'envoy.filters.http.ratelimit';
export const HEADER_MUTATION = 'envoy.filters.http.header_mutation';

export interface Envoy {
  /** `http://127.0.0.1:port`, where clients come in. */
  readonly origin: string;
  /** Ends it without a word, as a crash would. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export interface EnvoySurroundings {
  readonly weirPort: number;
  readonly upstreamPort: number;
  /** Of the folder envoy/; undefined: `envoy.yaml`. */
  readonly configuration?: string;
}

/** What is otherwise than in the file. */
export type EnvoyChange = (configuration: Document) => void;

/** Leaves an HTTP filter out. */
export function without(filterName: string): EnvoyChange {
  return (configuration) => configuration.deleteIn(filter(configuration, filterName));
}

/** Sets a field of an HTTP filter's configuration, by its way there. */
export function ofFilter(filterName: string, way: Place, value: unknown): EnvoyChange {
  return (configuration) => {
    configuration.setIn(
      [...filter(configuration, filterName), 'typed_config', ...way],
      configuration.createNode(value),
    );
  };
}

/** Sets a field of the HTTP connection manager, by its way there. */
export function ofConnectionManager(way: Place, value: unknown): EnvoyChange {
  return (configuration) => configuration.setIn([...MANAGER, ...way], configuration.createNode(value));
}

/** Sets the context extensions that ext_authz tells Weir of requests on the route for all paths. */
export function contextExtensions(extensions: Readonly<Record<string, string>>): EnvoyChange {
  const routes: Place = ['route_config', 'virtual_hosts', 0, 'routes'];
  return (configuration) => {
    const route = indexOfNamed(configuration, [...MANAGER, ...routes], 'one-filter');
    const perRoute = {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute',
      check_settings: { context_extensions: extensions },
    };
    const way: Place = [...routes, route, 'typed_per_filter_config', EXT_AUTHZ];
    configuration.setIn([...MANAGER, ...way], configuration.createNode(perRoute));
  };
}

/** Starts a real Envoy on a file of envoy/, on ports of its own, with two workers, and patient with a busy machine. */
export async function startEnvoy(surroundings: EnvoySurroundings, ...changes: readonly EnvoyChange[]): Promise<Envoy> {
  const [binary, port, adminPort] = [await findEnvoy(), await freePort(), await freePort()];
  const source = path.join(FOLDER, surroundings.configuration ?? 'envoy.yaml');
  const configuration = parseDocument(await readFile(source, 'utf8'));
  setAddress(configuration, ['admin', 'address'], adminPort);
  setAddress(configuration, ['static_resources', 'listeners', 0, 'address'], port);
  setClusterPort(configuration, 'weir', surroundings.weirPort);
  setClusterPort(configuration, 'upstream', surroundings.upstreamPort);
  // How fast Weir is on a busy machine is not what is asked here.
  configuration.setIn([...filter(configuration, EXT_AUTHZ), 'typed_config', 'grpc_service', 'timeout'], PATIENCE);
  configuration.setIn([...filter(configuration, RATE_LIMIT), 'typed_config', 'timeout'], PATIENCE);
  for (const change of changes) change(configuration);

  const folder = await mkdtemp(path.join(tmpdir(), 'weir-envoy-'));
  const file = path.join(folder, 'envoy.yaml');
  await writeFile(file, String(configuration));
  // Hot restart would share memory with every other Envoy of this machine.
  const child = new Child('envoy', binary, ['-c', file, '--concurrency', '2', '--disable-hot-restart']);
  const stop = async () => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await child.untilReady(`http://127.0.0.1:${adminPort}/ready`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { origin: `http://127.0.0.1:${port}`, kill: () => child.kill(), stop };
}

type Place = readonly (string | number)[];

const MANAGER: Place = ['static_resources', 'listeners', 0, 'filter_chains', 0, 'filters', 0, 'typed_config'];
const FILTERS: Place = [...MANAGER, 'http_filters'];

function setAddress(configuration: Document, place: Place, port: number): void {
  configuration.setIn([...place, 'socket_address', 'address'], '127.0.0.1');
  configuration.setIn([...place, 'socket_address', 'port_value'], port);
}

function setClusterPort(configuration: Document, name: string, port: number): void {
  const clusters: Place = ['static_resources', 'clusters'];
  const endpoint: Place = ['load_assignment', 'endpoints', 0, 'lb_endpoints', 0, 'endpoint', 'address'];
  setAddress(configuration, [...clusters, indexOfNamed(configuration, clusters, name), ...endpoint], port);
}

function filter(configuration: Document, name: string): Place {
  return [...FILTERS, indexOfNamed(configuration, FILTERS, name)];
}

function indexOfNamed(configuration: Document, list: Place, name: string): number {
  for (let index = 0; configuration.hasIn([...list, index]); index++) {
    const item = configuration.getIn([...list, index]);
    if (isMap(item) && item.get('name') === name) return index;
  }
  throw new Error(`Envoy's configuration: expected "${name}" in ${list.join('.')}`);
}
