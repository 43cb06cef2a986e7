import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';

/** Request header with the status that the upstream answers immediately. Requests without it stay in flight. */
export const ANSWER = 'x-answer';

/** An upstream that answers on command, so that requests stay in flight as long as a test needs. */
export class HeldUpstream {
  readonly port: number;
  readonly #held: ServerResponse[];
  readonly #stop: () => Promise<void>;

  private constructor(port: number, held: ServerResponse[], stop: () => Promise<void>) {
    this.port = port;
    this.#held = held;
    this.#stop = stop;
  }

  static async start(): Promise<HeldUpstream> {
    const held: ServerResponse[] = [];
    const server = createServer(({ headers }, response) => {
      if (headers[ANSWER] !== undefined) {
        response.writeHead(Number(headers[ANSWER])).end();
        return;
      }
      held.push(response);
      response.on('close', () => {
        const index = held.indexOf(response);
        if (index >= 0) held.splice(index, 1);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo; // a server that listens on TCP has such an address
    return new HeldUpstream(port, held, async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    });
  }

  /** Number of requests in flight. */
  get inFlight(): number {
    return this.#held.length;
  }

  async untilInFlight(count: number): Promise<void> {
    await expect.poll(() => this.inFlight, { timeout: 20_000 }).toBe(count);
  }

  /** Answers the oldest request in flight. */
  answer(status = 200, headers: Readonly<Record<string, string>> = {}, body = ''): void {
    const response = this.#held.shift();
    if (response === undefined) throw new Error('no request is in flight');
    response.writeHead(status, headers).end(body);
  }

  answerAll(): void {
    while (this.#held.length > 0) this.answer();
  }

  stop(): Promise<void> {
    return this.#stop();
  }
}
