import { GrpcClient } from '../support/clients/grpc-client.ts';
import { ADMINISTRATOR, type Environment } from '../support/node.ts';
import { waitUntil } from '../support/wait-until.ts';
import { startWeirProcess, type WeirProcess } from '../support/weir-process.ts';

/** Nodes count each other every second. */
const CENSUS_TIMEOUT_MS = 60_000;

/** A node in its own process with clients of it. The test sees if it crashes, and the load does not slow it down. */
export class NodeProcess {
  readonly decision: GrpcClient;
  readonly admin: GrpcClient;
  readonly #weir: WeirProcess;
  readonly #httpPort: number;

  private constructor({ weir, ports }: Awaited<ReturnType<typeof startWeirProcess>>) {
    this.decision = new GrpcClient(ports.decision);
    this.admin = new GrpcClient(ports.admin);
    this.#weir = weir;
    this.#httpPort = ports.http;
  }

  /** Resolves once the node is ready. It has then reached its Redis. */
  static async start(environment: Environment): Promise<NodeProcess> {
    const { email, password } = ADMINISTRATOR;
    return new NodeProcess(await startWeirProcess({ ADMIN_EMAIL: email, ADMIN_PASSWORD: password, ...environment }));
  }

  get hasExited(): boolean {
    return this.#weir.hasExited;
  }

  /** Resolves once the node has counted this many nodes that share the limits. */
  async waitForLiveNodes(count: number): Promise<void> {
    await waitUntil(async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${this.#httpPort}/metrics`)).text();
      return Number(/^weir_live_nodes (\d+)/m.exec(metrics)?.[1]) === count;
    }, CENSUS_TIMEOUT_MS);
  }

  /** Ends all processes of the node at once. */
  async kill(): Promise<void> {
    this.decision.close();
    this.admin.close();
    this.#weir.killGroup('SIGKILL');
    await this.#weir.exited;
  }

  async stop(): Promise<void> {
    this.decision.close();
    this.admin.close();
    await this.#weir.stop();
  }
}
