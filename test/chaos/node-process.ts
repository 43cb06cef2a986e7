import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '../../provision/free-port.ts';
import { GrpcClient } from '../support/grpc-client.ts';
import { ADMINISTRATOR } from '../support/node.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const START_TIMEOUT_MS = 60_000;

/** `weir serve` in a process of its own, so that it is seen to end, and is not slowed down by who asks it. */
export class NodeProcess {
  readonly decision: GrpcClient;
  readonly admin: GrpcClient;
  readonly #child: ChildProcess;
  readonly #httpPort: number;
  #printed = '';

  private constructor(child: ChildProcess, ports: { decision: number; admin: number; http: number }) {
    this.#child = child;
    this.decision = new GrpcClient(ports.decision);
    this.admin = new GrpcClient(ports.admin);
    this.#httpPort = ports.http;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#printed = (this.#printed + text).slice(-4000);
      });
    }
  }

  /** Resolves once it is ready, and so has reached its Redis. */
  static async start(environment: Readonly<Record<string, string>>): Promise<NodeProcess> {
    const ports = { decision: await findFreePort(), admin: await findFreePort(), http: await findFreePort() };
    const env = {
      PATH: process.env.PATH,
      DECISION_ADDRESS: `127.0.0.1:${ports.decision}`,
      ADMIN_ADDRESS: `127.0.0.1:${ports.admin}`,
      HTTP_ADDRESS: `127.0.0.1:${ports.http}`,
      ADMIN_EMAIL: ADMINISTRATOR.email,
      ADMIN_PASSWORD: ADMINISTRATOR.password,
      ...environment,
    };
    const child = spawn(process.execPath, [MAIN, 'serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const node = new NodeProcess(child, ports);
    await node.#until(async () => (await node.#get('/readyz')).ok);
    return node;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves once it has counted so many nodes that share the limits. */
  async knowsNodes(count: number): Promise<void> {
    await this.#until(async () => {
      const metrics = await (await this.#get('/metrics')).text();
      return Number(/^weir_live_nodes (\d+)/m.exec(metrics)?.[1]) === count;
    });
  }

  async stop(): Promise<void> {
    this.decision.close();
    this.admin.close();
    if (this.hasEnded) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }

  #get(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#httpPort}${path}`);
  }

  async #until(condition: () => Promise<boolean>): Promise<void> {
    const givenUpAt = performance.now() + START_TIMEOUT_MS;
    while (!(await condition().catch(() => false))) {
      if (this.hasEnded || performance.now() > givenUpAt)
        throw new Error(`a node did not get ready:\n${this.#printed}`);
      await sleep(50);
    }
  }
}
