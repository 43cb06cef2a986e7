import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { EnvoyChange } from '../../../demo/envoy-configuration.ts';
import { startEnvoy } from '../../../demo/start-envoy.ts';
import { startUpstream } from '../../../demo/upstream.ts';
import { type RunningRedis, startRedisProcess } from '../../../provision/redis.ts';
import { type Environment, NODE_SECRETS } from '../../support/node.ts';
import { forwardPort, type PortForwarder } from '../../support/servers/forward-port.ts';
import { findFreePorts, startWeirProcess, type WeirPorts, type WeirProcess } from '../../support/weir-process.ts';

export const FLUSH_INTERVAL_MS = 1000;

/** As built: a node starts faster than from src/. */
const PROGRAM = 'dist/src/main.js';
/** The configuration has a descriptor for the client's address, and Weir rejects it without a rule. */
const RULES = `domain: plans
descriptors: [{key: remote_address, rate_limit: {requests: 100000000, window: 1h}}]
`;

/** Two nodes in processes of their own behind an Envoy. They share a Redis and a Postgres that can go away. */
export class UsageNodes {
  /** `http://127.0.0.1:{port}` of Envoy. */
  origin = '';
  readonly postgres: PortForwarder;
  /** The first one also has the admin API. */
  readonly nodes: readonly [RestartableNode, RestartableNode];
  #redis: RunningRedis;
  readonly #started: AsyncDisposableStack;

  private constructor(
    parts: Pick<UsageNodes, 'postgres' | 'nodes'> & { readonly redis: RunningRedis },
    started: AsyncDisposableStack,
  ) {
    this.postgres = parts.postgres;
    this.nodes = parts.nodes;
    this.#redis = parts.redis;
    this.#started = started;
    started.defer(() => this.#redis.stop());
  }

  /** Starts Postgres' port, Redis and the first node. */
  static async start(databaseUrl: string, environment: Environment): Promise<UsageNodes> {
    await using started = new AsyncDisposableStack();
    const folder = await mkdtemp(path.join(tmpdir(), 'weir-usage-envoy-'));
    started.defer(() => rm(folder, { recursive: true, force: true }));
    const url = new URL(databaseUrl);
    const postgres = await forwardPort(Number(url.port));
    started.defer(() => postgres.close());
    url.port = String(postgres.port);
    const RULES_PATH = path.join(folder, 'rules.yaml');
    await writeFile(RULES_PATH, RULES);
    const redis = await startRedisProcess();
    const common = {
      DATABASE_URL: url.href,
      REDIS_URL: redis.url,
      // Redis may answer late on a busy machine. A settlement that does not reach it is not recorded.
      REDIS_DEADLINE_MS: '2000',
      RULES_PATH,
      USAGE_FLUSH_INTERVAL: `${FLUSH_INTERVAL_MS / 1000}s`,
      ...NODE_SECRETS,
      ...environment,
    };
    const createNode = async (name: string, role: string) =>
      new RestartableNode({ ...common, WEIR_ROLE: role, DATA_DIR: path.join(folder, name) }, await findFreePorts());
    const nodes = [await createNode('first', 'all'), await createNode('second', 'decision')] as const;
    for (const node of nodes) started.defer(() => node.stop());
    await nodes[0].start();
    return new UsageNodes({ postgres, nodes, redis }, started.move());
  }

  /** Starts the second node, which then knows all keys, and an Envoy in front of both. */
  async startEnvoy(...changes: readonly EnvoyChange[]): Promise<void> {
    const [first, second] = this.nodes;
    await second.start();
    const upstream = await startUpstream('127.0.0.1', 0);
    this.#started.defer(() => upstream.stop());
    const ports = { weirPort: first.ports.decision, secondWeirPort: second.ports.decision };
    const envoy = await startEnvoy({ ...ports, upstreamPort: upstream.port }, ...changes);
    this.#started.defer(() => envoy.stop());
    this.origin = envoy.origin;
  }

  /** Kills Redis, and with it all counters. */
  async stopRedis(): Promise<void> {
    await this.#redis.stop();
  }

  /** Starts an empty Redis in its place. */
  async startRedis(): Promise<void> {
    this.#redis = await startRedisProcess({ port: this.#redis.port });
  }

  async stop(): Promise<void> {
    await this.#started.disposeAsync();
  }
}

/** A node that keeps its ports and its DATA_DIR when it starts again. */
export class RestartableNode {
  readonly ports: WeirPorts;
  readonly #environment: Environment;
  #weir: WeirProcess | undefined;

  constructor(environment: Environment, ports: WeirPorts) {
    this.#environment = environment;
    this.ports = ports;
  }

  async start(): Promise<void> {
    ({ weir: this.#weir } = await startWeirProcess(this.#environment, PROGRAM, this.ports));
  }

  /** Stops it in order. */
  async stop(): Promise<void> {
    await this.#weir?.stop();
    this.#weir = undefined;
  }

  /** Ends all of its processes at once. */
  async kill(): Promise<void> {
    this.#weir?.killGroup('SIGKILL');
    await this.#weir?.exited;
    this.#weir = undefined;
  }
}
