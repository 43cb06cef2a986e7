import { request as http1Request, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { text } from 'node:stream/consumers';

export interface HttpRequest {
  /** Default: GET. */
  readonly method?: string;
  readonly path: string;
  /** A name may occur more than once. */
  readonly headers?: readonly Header[];
  readonly body?: Buffer;
  /** The client's own address, such as `127.0.0.2`. By default the system chooses one. */
  readonly localAddress?: string;
}

type Header = readonly [name: string, value: string];

export interface HttpResponse {
  readonly status: number;
  /** Names are in lower case. */
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * Sends a request to `http://{host}:{port}`. Each request has its own connection, so that every worker of Envoy gets
 * some. Rejects after 10 s without a response.
 */
export type SendRequest = (origin: string, request: HttpRequest) => Promise<HttpResponse>;

const RESPONSE_TIMEOUT_MS = 10_000;

export const sendOverHttp1: SendRequest = async (
  origin,
  { method = 'GET', path, headers = [], body, localAddress },
) => {
  const { hostname, port, host } = new URL(origin);
  const contentLength = body === undefined ? [] : ['content-length', String(body.length)];
  const request = http1Request({
    hostname,
    port,
    // Separate from the URL, which would normalize it.
    path,
    method,
    // An array, because Node would merge repeated names of an object before it sends them.
    headers: ['host', host, ...contentLength, ...headers.flat()],
    agent: false,
    localAddress,
    timeout: RESPONSE_TIMEOUT_MS,
  });
  request.on('timeout', () => request.destroy(createTimeoutError(path)));
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      const { statusCode: status = 0, headers: received } = response;
      text(response).then((body) => resolve({ status, headers: received, body }), reject);
    });
    request.end(body);
  });
};

export const sendOverHttp2: SendRequest = async (
  origin,
  { method = 'GET', path, headers = [], body, localAddress },
) => {
  const { hostname: host, port } = new URL(origin);
  const createConnection = () => connectSocket({ host, port: Number(port), ...(localAddress && { localAddress }) });
  const session = connect(origin, { createConnection });
  try {
    return await new Promise((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request({ ':method': method, ':path': path, ...groupByName(headers) });
      stream.end(body);
      stream.setTimeout(RESPONSE_TIMEOUT_MS, () => stream.destroy(createTimeoutError(path)));
      stream.on('error', reject);
      stream.on('response', ({ ':status': status = 0, ...received }) => {
        text(stream).then((body) => resolve({ status, headers: received, body }), reject);
      });
    });
  } finally {
    session.close();
  }
};

function createTimeoutError(path: string): Error {
  return new Error(`${path}: no response within ${RESPONSE_TIMEOUT_MS / 1000} s`);
}

function groupByName(headers: readonly Header[]): Record<string, string[]> {
  const groups: Record<string, string[]> = {};
  for (const [name, value] of headers) groups[name] = [...(groups[name] ?? []), value];
  return groups;
}
