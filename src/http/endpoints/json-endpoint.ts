import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SharedRoom } from '../../collections/shared-room.ts';
import { clientNetwork } from '../../domain/credentials/client-network.ts';
import { findRequestId } from '../../transport/request-id.ts';
import { BodyReader } from '../body-reader.ts';
import { RefusedRequest } from '../refused-request.ts';
import { sendRefusal } from '../send-refusal.ts';
import { sendText } from '../serve-routes.ts';

/** Answers the JSON of a request with JSON. Never rejects. */
export type JsonHandler = (request: {
  readonly body: string;
  /** The caller's x-request-id; undefined if absent, or too long for a log line. */
  readonly requestId: string | undefined;
  /** The caller's span, as the header of that name names it; undefined: it sent none. */
  readonly traceparent: string | undefined;
  /** Whether the caller has disconnected. */
  readonly isCancelled: () => boolean;
}) => Promise<{ readonly status: number; readonly body: string }>;

/** A body that is larger has more than a RateLimitRequest may have. */
const MAX_BODY_BYTES = 256 * 1024;
const MIB = 1024 * 1024;
const BODY_BOUNDS = {
  maxBodyBytes: MAX_BODY_BYTES,
  maxBytes: 32 * MIB,
  maxBytesPerNetwork: 16 * MIB,
  deadlineMs: 5_000,
};
/** Requests that are decided at once. The process that decides accepts 64 from this one: the admin plane keeps some. */
const MAX_CONCURRENT_REQUESTS = 56;
/** Those of one client: an IPv4 address or an IPv6 network of 64 bits. */
const MAX_CONCURRENT_REQUESTS_PER_NETWORK = 48;

/** Serves `/json`: reads JSON requests within bounds and passes them to a handler. */
export class JsonEndpoint {
  readonly #check: (request: IncomingMessage) => void;
  readonly #bodies = new BodyReader(BODY_BOUNDS);
  readonly #deciding = new SharedRoom(MAX_CONCURRENT_REQUESTS, MAX_CONCURRENT_REQUESTS_PER_NETWORK);
  #handler: JsonHandler | undefined;

  /** `check` throws RefusedRequest for a request that must not be answered. */
  constructor(check: (request: IncomingMessage) => void) {
    this.#check = check;
  }

  /** Sets the handler. Until then the endpoint answers 503. */
  handleWith(handler: JsonHandler): void {
    this.#handler = handler;
  }

  /** Answers a request. Never throws. */
  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.url?.split('?')[0] === '/json') void this.#serve(request, response);
    else sendText(response, 404, 'not found\n');
  };

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      this.#check(request);
      const handler = this.#handler;
      if (handler === undefined) throw new RefusedRequest(503, 'not_ready', 'the service is starting');
      const body = await this.#bodies.read(request);
      if (!isUtf8(body)) throw new RefusedRequest(400, 'invalid_request', 'body: must be valid UTF-8');
      await this.#decide(request, response, body.toString(), handler);
    } catch (error) {
      if (error instanceof RefusedRequest) await sendRefusal(request, response, error);
      else response.destroy(); // the caller disconnected, or sent something that is not HTTP
    }
  }

  async #decide(request: IncomingMessage, response: ServerResponse, body: string, handler: JsonHandler): Promise<void> {
    const network = clientNetwork(request.socket.remoteAddress ?? '');
    if (!this.#deciding.enter(network)) {
      throw new RefusedRequest(503, 'busy', 'too many requests are decided at once; retry');
    }
    try {
      const requestId = findRequestId([request.headers['x-request-id']].flat());
      const [traceparent] = [request.headers.traceparent].flat();
      const answer = await handler({ body, requestId, traceparent, isCancelled: () => response.destroyed });
      sendText(response, answer.status, answer.body, 'application/json');
    } finally {
      this.#deciding.leave(network);
    }
  }
}
