import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { Certificates } from '../../../provision/certificates.ts';

/** A delivery as the receiver got it. */
export interface ReceivedEvent {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly event: {
    readonly id: string;
    readonly type: string;
    readonly subject?: string;
    readonly data: Readonly<Record<string, unknown>>;
  };
}

/** An HTTP server that gets the events of a webhook. It accepts them with 204 unless `answer` is replaced. */
export class WebhookReceiver {
  readonly url: string;
  readonly received: ReceivedEvent[] = [];
  answer: (response: ServerResponse, event: ReceivedEvent) => void = (response) => response.writeHead(204).end();
  readonly #stop: () => Promise<void>;

  private constructor(url: string, stop: () => Promise<void>) {
    this.url = url;
    this.#stop = stop;
  }

  /** With `certificates`, the receiver speaks https. */
  static async start(certificates?: Certificates): Promise<WebhookReceiver> {
    let receiver: WebhookReceiver | undefined;
    const listener: RequestListener = async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString();
      const event: ReceivedEvent = { headers: request.headers, body, event: JSON.parse(body) };
      receiver?.received.push(event);
      receiver?.answer(response, event);
    };
    const server =
      certificates === undefined
        ? createServer(listener)
        : createSecureServer(
            { cert: readFileSync(certificates.certFile), key: readFileSync(certificates.keyFile) },
            listener,
          );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // a server that listens on TCP has such an address
    const scheme = certificates === undefined ? 'http' : 'https';
    receiver = new WebhookReceiver(`${scheme}://127.0.0.1:${port}/events`, async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    });
    return receiver;
  }

  /** The types of the received CloudEvents, in the order of their arrival. */
  get types(): readonly string[] {
    return this.received.map(({ event }) => event.type);
  }

  stop(): Promise<void> {
    return this.#stop();
  }
}

/** Verifies a delivery as receivers do, with the library of Standard Webhooks. Throws if it is not authentic. */
export function verifyDelivery(secret: string, { headers, body }: ReceivedEvent): unknown {
  return new Webhook(secret).verify(body, headers as Record<string, string>); // the library reads three of them
}
