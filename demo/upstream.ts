// node demo/upstream.ts HOST PORT: the service behind Envoy. It answers every request with what it was asked, as JSON.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** Of gRPC, which this upstream does not speak. */
const UNIMPLEMENTED = 12;

/** What reached the upstream. */
export interface Received {
  readonly method: string;
  readonly path: string;
  /** `name: value` as they were sent, each as often as it was sent. */
  readonly headers: readonly string[];
  /** Bytes. */
  readonly bodyLength: number;
}

export interface Upstream {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startUpstream(host: string, port: number): Promise<Upstream> {
  const server = createServer(async (request, response) => {
    const { method = '', url = '', headers, rawHeaders } = request;
    if (headers['content-type']?.startsWith('application/grpc')) {
      response
        .writeHead(200, { 'content-type': 'application/grpc', 'grpc-status': UNIMPLEMENTED, 'content-length': 0 })
        .end();
      return;
    }
    const { length: bodyLength } = await buffer(request);
    const received: Received = { method, path: url, headers: lines(rawHeaders), bodyLength };
    response.setHeader('content-type', 'application/json');
    response.end(`${JSON.stringify(received, undefined, 2)}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port, // a server that listens on TCP has such an address
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function lines(rawHeaders: readonly string[]): string[] {
  const headers: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) headers.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  return headers;
}

if (import.meta.main) {
  const [host = '127.0.0.1', port = '8090'] = process.argv.slice(2);
  const upstream = await startUpstream(host, Number(port));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void upstream.stop());
}
