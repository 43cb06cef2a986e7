// node demo/upstream.ts HOST PORT: the service behind Envoy. It responds to every request with that request, as JSON.
// It imports nothing from Weir, because docker-compose.yml runs this file alone.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** gRPC status code UNIMPLEMENTED. This upstream does not speak gRPC. */
const UNIMPLEMENTED = 12;

/** A request as it reached the upstream. */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  /** `name: value`, with the spelling of the sender. A name that was sent twice is here twice. */
  readonly headers: readonly string[];
  /** Bytes. */
  readonly bodyLength: number;
}

export interface Upstream {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts the upstream. With port 0 the system chooses a free one. */
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
    const received: ReceivedRequest = { method, path: url, headers: formatHeaders(rawHeaders), bodyLength };
    response.setHeader('content-type', 'application/json');
    response.end(`${JSON.stringify(received, undefined, 2)}\n`);
  });
  // By default, Node closes a connection after 5 s without a request. A request that Envoy sends at that moment would fail.
  server.keepAliveTimeout = 0;
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

/** Formats Node's list of alternating names and values. */
function formatHeaders(rawHeaders: readonly string[]): string[] {
  const headers: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    headers.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`);
  }
  return headers;
}

if (import.meta.main) {
  const [host = '127.0.0.1', port = '8090'] = process.argv.slice(2);
  const upstream = await startUpstream(host, Number(port));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void upstream.stop());
}
