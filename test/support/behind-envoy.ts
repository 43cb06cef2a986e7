import { type Answer, askOverHttp1, type Question } from '../../demo/client.ts';
import { type EnvoyChange, startEnvoy } from '../../demo/envoy.ts';
import { type Received, startUpstream } from '../../demo/upstream.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { TestNode } from './node.ts';

/** A whole Weir in this process, behind real Envoys and before an upstream that tells what it received. */
export class BehindEnvoy {
  readonly node: TestNode;
  readonly upstreamPort: number;
  readonly #started: AsyncDisposableStack;

  private constructor(node: TestNode, upstreamPort: number, started: AsyncDisposableStack) {
    this.node = node;
    this.upstreamPort = upstreamPort;
    this.#started = started;
  }

  static async start(environment: Readonly<Record<string, string>>, log?: Logger): Promise<BehindEnvoy> {
    await using started = new AsyncDisposableStack();
    const upstream = await startUpstream('127.0.0.1', 0);
    started.defer(() => upstream.stop());
    const node = await TestNode.start(environment, log);
    started.defer(() => node.stop());
    return new BehindEnvoy(node, upstream.port, started.move());
  }

  /** Starts an Envoy, on envoy/envoy.yaml but for the changes; its origin, `http://127.0.0.1:port`. */
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

/** The answer's status, and what reached the upstream where that was asked. */
export async function passing(
  origin: string,
  question: Question,
): Promise<{ readonly status: number; readonly answer: Answer; readonly received: Received | undefined }> {
  const answer = await askOverHttp1(origin, question);
  const { status, body } = answer;
  return { status, answer, received: status === 200 ? JSON.parse(body) : undefined };
}
