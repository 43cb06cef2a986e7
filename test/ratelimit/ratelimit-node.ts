import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Ratelimit, startRatelimit } from '../../src/app/ratelimit/start-ratelimit.ts';
import { readRatelimitConfig } from '../../src/config/ratelimit/ratelimit-config.ts';
import type { Logger } from '../../src/interfaces/logger.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { GrpcClient } from '../support/clients/grpc-client.ts';
import type { Environment } from '../support/node.ts';

/** `weir ratelimit` on free ports, in this process. */
export class RatelimitNode {
  readonly ports: Ratelimit['ports'];
  readonly client: GrpcClient;
  readonly #service: Ratelimit;
  readonly #dataFolder: string;

  private constructor(service: Ratelimit, dataFolder: string) {
    this.ports = service.ports;
    this.client = new GrpcClient(service.ports.grpc ?? 0);
    this.#service = service;
    this.#dataFolder = dataFolder;
  }

  static async start(environment: Environment, log: Logger = createLogger('fatal')): Promise<RatelimitNode> {
    const dataFolder = await mkdtemp(path.join(tmpdir(), 'weir-ratelimit-data-'));
    const config = readRatelimitConfig({
      HOST: '127.0.0.1',
      PORT: '0',
      GRPC_HOST: '127.0.0.1',
      GRPC_PORT: '0',
      DEBUG_HOST: '127.0.0.1',
      DEBUG_PORT: '0',
      // Redis may answer late on a busy machine.
      REDIS_DEADLINE_MS: '2000',
      DATA_DIR: dataFolder,
      ...environment,
    });
    const service = await startRatelimit(config, log, new AbortController().signal);
    return new RatelimitNode(service, dataFolder);
  }

  /** Asks `/json`. */
  async ask(request: object, headers: Readonly<Record<string, string>> = {}) {
    const url = `http://127.0.0.1:${this.ports.http}/json`;
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(request), headers });
    return { status: response.status, body: (await response.json()) as JsonAnswer };
  }

  async get(port: 'http' | 'debug', location: string) {
    const response = await fetch(`http://127.0.0.1:${this.ports[port]}${location}`);
    return { status: response.status, body: await response.text() };
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.#service.stop();
    await rm(this.#dataFolder, { recursive: true, force: true });
  }
}

/** The parts of an answer of `/json` that tests read. An error has none of them. */
export interface JsonAnswer {
  readonly overallCode: string;
  readonly statuses: readonly { readonly code: string; readonly currentLimit?: object }[];
}

/** A folder with the files of RUNTIME_ROOT: their texts by path. */
export async function createRuntimeRoot(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), 'weir-runtime-'));
  await mkdir(path.join(root, 'config'));
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return root;
}

/** A request for one descriptor, with entries as `key=value`. */
export function createRequest(domain: string, ...entries: readonly string[]) {
  return {
    domain,
    descriptors: [
      {
        entries: entries.map((entry) => {
          const [key = '', value = ''] = entry.split('=');
          return { key, value };
        }),
      },
    ],
  };
}
