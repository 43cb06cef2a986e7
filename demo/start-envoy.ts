import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Document, parse } from 'yaml';
import { findFreePort } from '../provision/free-port.ts';
import { findEnvoy } from '../provision/programs/find-envoy.ts';
import {
  type EnvoyChange,
  setAdminPort,
  setClusterPorts,
  setFilterTimeouts,
  setListenerPort,
} from './envoy-configuration.ts';
import { ServerProcess } from './server-process.ts';

const CONFIGURATION_FOLDER = fileURLToPath(new URL('../envoy/', import.meta.url));

/**
 * How long the filters wait for Weir. The timeouts in envoy/ are for production: on a busy machine they would expire,
 * and the demo and the tests do not measure speed.
 */
const FILTER_TIMEOUT = '5s';

export interface Envoy {
  /** `http://127.0.0.1:{port}`, where clients connect. */
  readonly origin: string;
  /** `http://127.0.0.1:{port}` of Envoy's admin interface. */
  readonly adminOrigin: string;
  /** Kills the process without warning, like a crash. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export interface EnvoyOptions {
  readonly weirPort: number;
  /** Port of a second node; undefined: there is none. */
  readonly secondWeirPort?: number;
  readonly upstreamPort: number;
  /** Configuration file, relative to envoy/; undefined: `envoy.yaml`. */
  readonly configuration?: string;
}

/** Starts a real Envoy with two workers on free ports, with a configuration of envoy/ and changes to it. */
export async function startEnvoy(options: EnvoyOptions, ...changes: readonly EnvoyChange[]): Promise<Envoy> {
  const [binary, port, adminPort] = [await findEnvoy(), await findFreePort(), await findFreePort()];
  const source = path.join(CONFIGURATION_FOLDER, options.configuration ?? 'envoy.yaml');
  // Without aliases, so that a change of one filter does not change others.
  const configuration = new Document(parse(await readFile(source, 'utf8')), { aliasDuplicateObjects: false });
  const weirPorts = [options.weirPort, ...(options.secondWeirPort === undefined ? [] : [options.secondWeirPort])];
  const ownChanges = [
    setAdminPort(adminPort),
    setListenerPort(port),
    setClusterPorts('weir', weirPorts),
    setClusterPorts('upstream', [options.upstreamPort]),
    setFilterTimeouts(FILTER_TIMEOUT),
  ];
  for (const change of [...ownChanges, ...changes]) change(configuration);

  const folder = await mkdtemp(path.join(tmpdir(), 'weir-envoy-'));
  // JSON, because this YAML library would write 'off' without quotes, which Envoy reads as false.
  const file = path.join(folder, 'envoy.json');
  await writeFile(file, JSON.stringify(configuration));
  // Hot restart would share memory with every other Envoy on this machine.
  const server = new ServerProcess('envoy', binary, ['-c', file, '--concurrency', '2', '--disable-hot-restart']);
  const adminOrigin = `http://127.0.0.1:${adminPort}`;
  const stop = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await server.waitUntilReady(`${adminOrigin}/ready`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { origin: `http://127.0.0.1:${port}`, adminOrigin, kill: () => server.kill(), stop };
}
