import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from '../telemetry/metrics.ts';
import { JsonEndpoint, type JsonHandler } from './json-endpoint.ts';

/** Lists why the service cannot be used yet or any more; empty when it is ready. */
export type NotReadyReasons = () => readonly string[];

export interface OperationsServer {
  readonly port: number;
  /** Starts to serve `/json` with this handler. Until then it answers 503. */
  serveJson(handler: JsonHandler): void;
  /** Starts to serve `/.well-known/jwks.json` with the result of `keySet`. Until then it answers 503. */
  serveKeySet(keySet: () => object): void;
  stop(): Promise<void>;
}

/** In ms: the time in which a caller must have sent its request, and the interval in which that is checked. */
const TIMEOUTS = { requestTimeout: 10_000, headersTimeout: 10_000, connectionsCheckingInterval: 1000 };
/**
 * In seconds: half the time between the publication of a key and its first signature. A client that caches the set meets
 * no unknown key.
 */
const KEY_SET_MAX_AGE_SECONDS = 60;
/** Answers take a moment. A client that sends its request slowly must not delay the stop. */
const MAX_STOP_MS = 1000;

/**
 * Serves:
 * - `/healthz`: the process is alive
 * - `/readyz`: 200 if it can decide, else 503 and the reasons
 * - `/metrics`
 * - `/.well-known/jwks.json` (RFC 7517): the public keys of Weir's own tokens
 * - `/json`: rate-limit decisions by POST
 */
export async function startOperationsServer(
  address: { readonly host: string; readonly port: number },
  metrics: Metrics,
  notReadyReasons: NotReadyReasons,
): Promise<OperationsServer> {
  const json = new JsonEndpoint();
  let getKeySet: (() => object) | undefined;
  const server = createServer(TIMEOUTS, (request, response) => {
    const path = (request.url ?? '').split('?')[0];
    if (path === '/json') void json.serve(request, response);
    else if (request.method !== 'GET' && request.method !== 'HEAD') send(response, 405, 'method not allowed\n');
    else if (path === '/healthz') send(response, 200, 'ok\n');
    else if (path === '/readyz') sendReadiness(response, notReadyReasons());
    else if (path === '/.well-known/jwks.json') sendKeySet(response, getKeySet);
    else if (path === '/metrics') void sendMetrics(response, metrics);
    else send(response, 404, 'not found\n');
  });
  await listen(server, address);
  const { port } = server.address() as AddressInfo; // a server that listens on TCP has such an address
  return {
    port,
    serveJson: (handler) => json.handleWith(handler),
    serveKeySet: (keySet) => {
      getKeySet = keySet;
    },
    stop: () => stop(server),
  };
}

function sendReadiness(response: ServerResponse, reasons: readonly string[]): void {
  if (reasons.length === 0) send(response, 200, 'ready\n');
  else send(response, 503, `not ready: ${reasons.join(', ')}\n`);
}

function sendKeySet(response: ServerResponse, getKeySet: (() => object) | undefined): void {
  if (getKeySet === undefined) {
    send(response, 503, 'not ready: the catalog is being read\n');
    return;
  }
  response.setHeader('cache-control', `public, max-age=${KEY_SET_MAX_AGE_SECONDS}`);
  send(response, 200, JSON.stringify(getKeySet()), 'application/jwk-set+json');
}

async function sendMetrics(response: ServerResponse, metrics: Metrics): Promise<void> {
  try {
    const text = await metrics.registry.metrics();
    send(response, 200, text, metrics.registry.contentType);
  } catch {
    send(response, 500, 'reading the metrics failed\n');
  }
}

function send(response: ServerResponse, status: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }).end(text);
}

function listen(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

/** Closes idle connections at once and the others when their answer is sent, or after MAX_STOP_MS. */
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
