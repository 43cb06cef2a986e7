import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Answers a request's JSON; never rejects. */
export type JsonHandler = (request: {
  readonly body: string;
  /** The caller's x-request-id, if it is one that a log line can hold. */
  readonly requestId: string | undefined;
  /** Whether the caller has gone away. */
  readonly isCancelled: () => boolean;
}) => Promise<{ readonly status: number; readonly body: string }>;

/** As of a gRPC message. */
const MOST_BYTES = 1024 * 1024;
/** Each may hold that many bytes. */
const MOST_AT_ONCE = 64;
const LONGEST_REQUEST_ID = 128;

/** Reads JSON of a bounded size from bounded many callers at once, and has it answered. */
export class JsonEndpoint {
  #handler: JsonHandler | undefined;
  #atOnce = 0;

  /** Until then 503 is answered. */
  answerWith(handler: JsonHandler): void {
    this.#handler = handler;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const handler = this.#handler;
    if (request.method !== 'POST') refuse(response, 405, 'method_not_allowed', 'must be POST', { allow: 'POST' });
    else if (handler === undefined) refuse(response, 503, 'not_ready', 'the service is starting');
    else if (this.#atOnce >= MOST_AT_ONCE) refuse(response, 503, 'busy', `more than ${MOST_AT_ONCE} requests at once`);
    else {
      this.#atOnce++;
      try {
        await answer(request, response, handler);
      } catch {
        response.destroy(); // the caller went away, or sent something that is no HTTP
      } finally {
        this.#atOnce--;
      }
    }
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, handler: JsonHandler): Promise<void> {
  const bytes = await readBody(request);
  if (bytes === undefined) {
    refuse(response, 413, 'too_large', `the body must be at most ${MOST_BYTES} bytes`);
    return;
  }
  if (!isUtf8(bytes)) {
    refuse(response, 400, 'invalid_request', 'the body is not UTF-8');
    return;
  }
  const [requestId] = [request.headers['x-request-id']].flat();
  const isFit = requestId !== undefined && requestId !== '' && requestId.length <= LONGEST_REQUEST_ID;
  const { status, body } = await handler({
    body: bytes.toString(),
    requestId: isFit ? requestId : undefined,
    isCancelled: () => response.destroyed,
  });
  send(response, status, body);
}

/** undefined: it is too large, and the rest of it is not read. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The connection is closed: what of the request was not read is not waited for. */
function refuse(response: ServerResponse, status: number, code: string, message: string, headers = {}): void {
  send(response, status, JSON.stringify({ error: { code, message } }), { ...headers, connection: 'close' });
}

function send(response: ServerResponse, status: number, body: string, headers = {}): void {
  const length = Buffer.byteLength(body);
  response.writeHead(status, { ...headers, 'content-type': 'application/json', 'content-length': length }).end(body);
}
