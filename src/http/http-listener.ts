import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { clientNetwork } from '../domain/credentials/client-network.ts';
import { type ConnectionCounts, ConnectionLimiter } from '../transport/connection-limiter.ts';
import { listen } from '../transport/listen.ts';
import { createTlsServer, type TlsSettings } from '../transport/tls/tls-server.ts';
import type { TransportLogger } from '../transport/transport-logger.ts';
import { PipelineLimit } from './pipeline-limit.ts';

export interface HttpListener {
  readonly port: number;
  readonly connections: ConnectionCounts;
  /** Closes idle connections at once and the others when their answer is sent, or after a second. */
  stop(): Promise<void>;
}

/**
 * In ms: the time in which a caller must have sent its request, and the interval in which that is checked; and the time
 * for which a connection may wait for its next request.
 */
const TIMEOUTS = {
  requestTimeout: 10_000,
  headersTimeout: 10_000,
  connectionsCheckingInterval: 1000,
  keepAliveTimeout: 5_000,
};
/** A token has 16 KiB by default. */
const MAX_HEADER_BYTES = 24 * 1024;
/** Time without sent or received bytes after which a connection is closed, also if its caller does not read. */
const MAX_SILENCE_MS = 30_000;
/** Connections of one listener. Clients are probes, Prometheus, browsers, and services that fetch the key set or ask `/json`. */
const MAX_CONNECTIONS = { total: 1_000, network: 500 };
/** Answers take a moment. A client that sends its request slowly must not delay the stop. */
const MAX_STOP_MS = 1000;
/** Browsers use only https for the host for a year (RFC 6797), so that nobody on the network path can answer in clear. */
const STRICT_TRANSPORT_SECURITY = 'max-age=31536000';

export interface HttpListenerOptions {
  /** Port 0 takes a free one. */
  readonly address: { readonly host: string; readonly port: number };
  /** undefined: HTTP in clear. */
  readonly tls?: TlsSettings | undefined;
  readonly log?: TransportLogger;
}

/** Serves HTTP/1.1 on an address. Rejects if it cannot listen, or the files for TLS are invalid. */
export async function startHttpListener(
  { address, tls, log }: HttpListenerOptions,
  answer: RequestListener,
): Promise<HttpListener> {
  const pipelines = new PipelineLimit();
  const limiter = new ConnectionLimiter(MAX_CONNECTIONS, clientNetwork, log);
  const server = createServer({ ...TIMEOUTS, maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    if (!pipelines.admit(request, response)) return;
    const { socket } = request;
    limiter.markUsed(socket, () => socket.destroy());
    const markActive = (): void => limiter.markActive(socket, performance.now());
    markActive();
    response.once('close', markActive);
    if (tls !== undefined) response.setHeader('strict-transport-security', STRICT_TRANSPORT_SECURITY);
    answer(request, response);
  });
  server.setTimeout(MAX_SILENCE_MS);
  const accept = await serveConnections(server, tls, log);
  server.on('connection', (socket) => {
    if (limiter.admit(socket)) accept(socket);
  });
  const { port } = await listen(server, address);
  return {
    port,
    get connections() {
      return limiter.counts;
    },
    stop: () => stop(server),
  };
}

/** Returns a function that serves a connection which the listener has accepted, with or without TLS. */
async function serveConnections(
  server: Server,
  tls: TlsSettings | undefined,
  log: TransportLogger | undefined,
): Promise<(socket: Socket) => void> {
  // The server's own listeners speak HTTP on whatever socket they get.
  const listeners = server.listeners('connection');
  server.removeAllListeners('connection');
  const accept = (socket: Socket): void => {
    for (const listener of listeners) Reflect.apply(listener, server, [socket]);
  };
  if (tls === undefined) return accept;
  const tlsServer = await createTlsServer(tls, { protocol: 'http/1.1', accept, networkOf: clientNetwork, log });
  server.once('close', () => tlsServer.close());
  return (socket) => tlsServer.add(socket);
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timeout = setTimeout(() => server.closeAllConnections(), MAX_STOP_MS);
    server.close(() => {
      clearTimeout(timeout);
      resolve();
    });
    server.closeIdleConnections();
  });
}
