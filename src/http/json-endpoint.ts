import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Answers the JSON of a request with JSON. Never rejects. */
export type JsonHandler = (request: {
  readonly body: string;
  /** The caller's x-request-id; undefined if absent, or too long for a log line. */
  readonly requestId: string | undefined;
  /** Whether the caller has disconnected. */
  readonly isCancelled: () => boolean;
}) => Promise<{ readonly status: number; readonly body: string }>;

/** The same as for a gRPC message. */
const MAX_BODY_BYTES = 1024 * 1024;
/** Each request may hold MAX_BODY_BYTES of memory. */
const MAX_CONCURRENT_REQUESTS = 64;
const MAX_REQUEST_ID_LENGTH = 128;

/** Reads JSON requests, limited in size and number, and passes them to a handler. */
export class JsonEndpoint {
  #handler: JsonHandler | undefined;
  #concurrentRequests = 0;

  /** Sets the handler. Until then the endpoint answers 503. */
  handleWith(handler: JsonHandler): void {
    this.#handler = handler;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const handler = this.#handler;
    if (request.method !== 'POST') {
      sendError(response, 405, 'method_not_allowed', `method: must be POST (got ${request.method})`, { allow: 'POST' });
    } else if (handler === undefined) sendError(response, 503, 'not_ready', 'the service is starting');
    else if (this.#concurrentRequests >= MAX_CONCURRENT_REQUESTS) {
      sendError(response, 503, 'busy', `too many concurrent requests (at most ${MAX_CONCURRENT_REQUESTS})`);
    } else {
      this.#concurrentRequests++;
      try {
        await handle(request, response, handler);
      } catch {
        response.destroy(); // the caller disconnected, or sent something that is not HTTP
      } finally {
        this.#concurrentRequests--;
      }
    }
  }
}

async function handle(request: IncomingMessage, response: ServerResponse, handler: JsonHandler): Promise<void> {
  const bytes = await readBody(request);
  if (bytes === undefined) {
    sendError(response, 413, 'too_large', `body: must be at most ${MAX_BODY_BYTES} bytes (got more)`);
    return;
  }
  if (!isUtf8(bytes)) {
    sendError(response, 400, 'invalid_request', 'body: must be valid UTF-8');
    return;
  }
  const [requestId] = [request.headers['x-request-id']].flat();
  const isUsable = requestId !== undefined && requestId !== '' && requestId.length <= MAX_REQUEST_ID_LENGTH;
  const { status, body } = await handler({
    body: bytes.toString(),
    requestId: isUsable ? requestId : undefined,
    isCancelled: () => response.destroyed,
  });
  send(response, status, body);
}

/** Returns undefined if the body is too large; the rest of it stays unread. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Without setEncoding, the chunks of a request are Buffers.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Sends an error and closes the connection: the unread rest of the request is not awaited. */
function sendError(response: ServerResponse, status: number, code: string, message: string, headers = {}): void {
  send(response, status, JSON.stringify({ error: { code, message } }), { ...headers, connection: 'close' });
}

function send(response: ServerResponse, status: number, body: string, headers = {}): void {
  const length = Buffer.byteLength(body);
  response.writeHead(status, { ...headers, 'content-type': 'application/json', 'content-length': length }).end(body);
}
