// node demo/upstream.ts HOST PORT: the service behind Envoy. It answers every request with what it was asked, as JSON.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What reached the upstream. Names as they were sent; a repeated header has one entry each time. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface Upstream {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startUpstream(host: string, port: number): Promise<Upstream> {
  const server = createServer(({ method = '', url = '', rawHeaders }, response) => {
    const received: Received = { method, path: url, headers: pairs(rawHeaders) };
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

function pairs(rawHeaders: readonly string[]): [string, string][] {
  const headers: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) headers.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '']);
  return headers;
}

if (import.meta.main) {
  const [host = '127.0.0.1', port = '8090'] = process.argv.slice(2);
  const upstream = await startUpstream(host, Number(port));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void upstream.stop());
}
