import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from '../telemetry/metrics.ts';
import { JsonEndpoint, type JsonHandler } from './json-endpoint.ts';

/** Why the service cannot be used yet or any more; empty when it is ready. */
export type Readiness = () => readonly string[];

export interface OperationsServer {
  readonly port: number;
  /** Has `/json` answered; until then it is 503. */
  answerJson(handler: JsonHandler): void;
  /** Has `/.well-known/jwks.json` answered with what this gives; until then it is 503. */
  answerKeySet(keySet: () => object): void;
  stop(): Promise<void>;
}

/** ms that a caller has for sending its request, and between two looks for who has not. */
const TIMEOUTS = { requestTimeout: 10_000, headersTimeout: 10_000, connectionsCheckingInterval: 1000 };

/**
 * Serves `/healthz` (the process lives), `/readyz` (it can decide: 200, else 503 and why), `/metrics`,
 * `/.well-known/jwks.json` (RFC 7517: what tokens of ours are verified with), and `/json`, where decisions are asked for
 * by POST.
 */
export async function startOperationsServer(
  address: { readonly host: string; readonly port: number },
  metrics: Metrics,
  readiness: Readiness,
): Promise<OperationsServer> {
  const json = new JsonEndpoint();
  let keySet: (() => object) | undefined;
  const server = createServer(TIMEOUTS, (request, response) => {
    const path = (request.url ?? '').split('?')[0];
    if (path === '/json') void json.serve(request, response);
    else if (request.method !== 'GET' && request.method !== 'HEAD') send(response, 405, 'method not allowed\n');
    else if (path === '/healthz') send(response, 200, 'ok\n');
    else if (path === '/readyz') sendReadiness(response, readiness());
    else if (path === '/.well-known/jwks.json') sendKeySet(response, keySet);
    else if (path === '/metrics') void sendMetrics(response, metrics);
    else send(response, 404, 'not found\n');
  });
  await listen(server, address);
  const { port } = server.address() as AddressInfo; // a server that listens on TCP has such an address
  return {
    port,
    answerJson: (handler) => json.answerWith(handler),
    answerKeySet: (given) => {
      keySet = given;
    },
    stop: () => stop(server),
  };
}

function sendReadiness(response: ServerResponse, reasons: readonly string[]): void {
  if (reasons.length === 0) send(response, 200, 'ready\n');
  else send(response, 503, `not ready: ${reasons.join(', ')}\n`);
}

/** In seconds: half as long as a key is known before it signs, so that whoever keeps the set meets no unknown one. */
const KEY_SET_AGE = 60;

function sendKeySet(response: ServerResponse, keySet: (() => object) | undefined): void {
  if (keySet === undefined) {
    send(response, 503, 'not ready: the catalog is being read\n');
    return;
  }
  response.setHeader('cache-control', `public, max-age=${KEY_SET_AGE}`);
  send(response, 200, JSON.stringify(keySet()), 'application/jwk-set+json');
}

async function sendMetrics(response: ServerResponse, metrics: Metrics): Promise<void> {
  try {
    const text = await metrics.registry.metrics();
    send(response, 200, text, metrics.registry.contentType);
  } catch {
    send(response, 500, 'metrics could not be read\n');
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

/** Answers take a moment; a client that dawdles over its request must not hold up the stop. */
const STOP_MS = 1000;

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(() => server.closeAllConnections(), STOP_MS);
    server.close(() => {
      clearTimeout(late);
      resolve();
    });
    server.closeIdleConnections();
  });
}
