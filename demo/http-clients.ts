import { request as http1Request, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:http2';
import { text } from 'node:stream/consumers';

export interface Question {
  readonly method?: string;
  readonly path: string;
  /** A name may come more than once. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** undefined: none. */
  readonly body?: Buffer;
}

export interface Answer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Asks `http://host:port`, each time over a connection of its own, so that every worker of Envoy gets to answer. */
export type Ask = (origin: string, question: Question) => Promise<Answer>;

const ANSWER_WITHIN_MS = 10_000;

export const askOverHttp1: Ask = async (origin, { method = 'GET', path, headers = [], body }) => {
  const { hostname, port, host } = new URL(origin);
  const request = http1Request({
    hostname,
    port,
    // As it is written: a URL would fold it.
    path,
    method,
    // Written as they are: anything else would merge repeated names before they are sent.
    headers: ['host', host, ...lengthOf(body), ...headers.flat()],
    agent: false,
    timeout: ANSWER_WITHIN_MS,
  });
  request.on('timeout', () => request.destroy(new Error(`${path}: no answer within ${ANSWER_WITHIN_MS / 1000} s`)));
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      const { statusCode: status = 0, headers: received } = response;
      text(response).then((body) => resolve({ status, headers: received, body }), reject);
    });
    request.end(body);
  });
};

function lengthOf(body: Buffer | undefined): string[] {
  return body === undefined ? [] : ['content-length', String(body.length)];
}

export const askOverHttp2: Ask = async (origin, { method = 'GET', path, headers = [], body }) => {
  const session = connect(origin);
  try {
    return await new Promise((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request({ ':method': method, ':path': path, ...grouped(headers) });
      stream.end(body);
      stream.setTimeout(ANSWER_WITHIN_MS, () =>
        stream.destroy(new Error(`${path}: no answer within ${ANSWER_WITHIN_MS / 1000} s`)),
      );
      stream.on('error', reject);
      stream.on('response', ({ ':status': status = 0, ...received }) => {
        text(stream).then((body) => resolve({ status, headers: received, body }), reject);
      });
    });
  } finally {
    session.close();
  }
};

function grouped(headers: readonly (readonly [name: string, value: string])[]): Record<string, string[]> {
  const groups: Record<string, string[]> = {};
  for (const [name, value] of headers) groups[name] = [...(groups[name] ?? []), value];
  return groups;
}
