import type { EnvoyChange } from '../../../demo/envoy-configuration.ts';
import { type HttpRequest, type HttpResponse, sendOverHttp1 } from '../../../demo/http-clients.ts';
import { startEnvoy } from '../../../demo/start-envoy.ts';
import { type ReceivedRequest, startUpstream } from '../../../demo/upstream.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import { type Environment, TestNode } from '../node.ts';

/** A complete Weir in this process, real Envoys in front of it, and an upstream that reports what it received. */
export class WeirBehindEnvoy {
  readonly node: TestNode;
  readonly upstreamPort: number;
  readonly #started: AsyncDisposableStack;

  private constructor(node: TestNode, upstreamPort: number, started: AsyncDisposableStack) {
    this.node = node;
    this.upstreamPort = upstreamPort;
    this.#started = started;
  }

  /** Starts a node with its upstream. `stop` stops both. */
  static async start(environment: Environment, log?: Logger): Promise<WeirBehindEnvoy> {
    await using started = new AsyncDisposableStack();
    const node = await TestNode.start(environment, log);
    started.defer(() => node.stop());
    const weir = await WeirBehindEnvoy.inFrontOf(node);
    started.defer(() => weir.stop());
    return new WeirBehindEnvoy(node, weir.upstreamPort, started.move());
  }

  /** Uses a node that already runs. `stop` leaves it running. */
  static async inFrontOf(node: TestNode): Promise<WeirBehindEnvoy> {
    await using started = new AsyncDisposableStack();
    const upstream = await startUpstream('127.0.0.1', 0);
    started.defer(() => upstream.stop());
    return new WeirBehindEnvoy(node, upstream.port, started.move());
  }

  /** Starts an Envoy with the changes to envoy/envoy.yaml. Returns its origin, `http://127.0.0.1:{port}`. */
  async envoy(...changes: readonly EnvoyChange[]): Promise<string> {
    const weirPort = this.node.app.ports.decision ?? 0;
    const envoy = await startEnvoy({ weirPort, upstreamPort: this.upstreamPort }, ...changes);
    this.#started.defer(() => envoy.stop());
    return envoy.origin;
  }

  async stop(): Promise<void> {
    await this.#started.disposeAsync();
  }
}

/** Sends a request. Returns its status, and what the upstream received if the request reached it. */
export async function sendThrough(
  origin: string,
  request: HttpRequest,
): Promise<{
  readonly status: number;
  readonly response: HttpResponse;
  readonly received: ReceivedRequest | undefined;
}> {
  const response = await sendOverHttp1(origin, request);
  const { status, body } = response;
  return { status, response, received: status === 200 ? JSON.parse(body) : undefined };
}
