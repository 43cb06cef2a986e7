import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { SharedRoom } from '../../collections/shared-room.ts';
import { clientNetwork } from '../../domain/credentials/client-network.ts';
import { BodyReader } from '../body-reader.ts';
import { RefusedRequest } from '../refused-request.ts';
import { sendRefusal } from '../send-refusal.ts';

/** A POST to a method, with its complete body. */
export interface ApiCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** The content type is one of MEDIA_TYPES, without parameters. */
  readonly headers: Headers;
  /** IP address of the connection. */
  readonly peer: string;
  /** Returns all values of a header with a lower-case name. */
  readHeader(name: string): readonly string[];
  readonly body: Uint8Array;
  /** Aborted when the caller disconnects. */
  readonly signal: AbortSignal;
}

export interface ApiAnswer {
  readonly status: number;
  readonly header?: Headers;
  readonly body?: AsyncIterable<Uint8Array>;
}

export interface ApiHandler {
  /** The largest body of a request to a method, in bytes. undefined: there is no such method. */
  findMaxBytes(path: string): number | undefined;
  answer(call: ApiCall): Promise<ApiAnswer>;
}

const MIB = 1024 * 1024;
/** Those of the admin plane: a message has to arrive within 10 s. */
const BODY_BOUNDS = { maxBodyBytes: MIB, maxBytes: 64 * MIB, maxBytesPerNetwork: 16 * MIB, deadlineMs: 10_000 };
/** Calls that are answered at once. Each holds its body and its response until the caller has read it. */
const MAX_CONCURRENT_CALLS = 256;
/** Those of one client: an IPv4 address or an IPv6 network of 64 bits. */
const MAX_CONCURRENT_CALLS_PER_NETWORK = 192;
/** Connect's codes of errors, by the HTTP status. */
const CONNECT_CODES: Readonly<Record<number, string>> = {
  400: 'invalid_argument',
  401: 'unauthenticated',
  403: 'permission_denied',
  404: 'unimplemented',
  405: 'unimplemented',
  408: 'deadline_exceeded',
  413: 'resource_exhausted',
  415: 'unimplemented',
  503: 'unavailable',
};

/** Passes calls of the admin API to its handler, within bounds that all paths of the HTTP server share. */
export class ApiGate {
  readonly #bodies = new BodyReader(BODY_BOUNDS);
  readonly #answering = new SharedRoom(MAX_CONCURRENT_CALLS, MAX_CONCURRENT_CALLS_PER_NETWORK);
  readonly #inProgress = new Set<Promise<void>>();
  #handler: ApiHandler | undefined;
  #isStopping = false;

  /** Sets the handler. Until then calls are refused with 503. */
  handleWith(handler: ApiHandler): void {
    this.#handler = handler;
  }

  /** Refuses further calls with 503. Resolves when those in progress have their answers, after `graceMs` at the latest. */
  async stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#isStopping = true;
    const grace = new AbortController();
    const waiting = sleep(graceMs, undefined, { signal: grace.signal }).catch(() => {});
    await Promise.race([Promise.all(this.#inProgress), waiting]);
    grace.abort();
  }

  /** Runs a function that answers a request. Sends its RefusedRequest as an error of Connect. Never throws. */
  serve(request: IncomingMessage, response: ServerResponse, answer: () => Promise<void>): void {
    const serving = serveOrRefuse(request, response, answer);
    this.#inProgress.add(serving);
    void serving.finally(() => this.#inProgress.delete(serving));
  }

  /** Reads the body of a call to a method. Throws RefusedRequest if there is no such method, or the body is out of bounds. */
  async readBody(request: IncomingMessage, path: string): Promise<Buffer> {
    const maxBytes = this.#requireHandler(this.#isStopping).findMaxBytes(path);
    if (maxBytes === undefined) throw new RefusedRequest(404, 'no_such_method', 'no such method');
    return this.#bodies.read(request, maxBytes);
  }

  /**
   * Answers a call, and passes the answer to `use`. The call counts as in progress until `use` has finished. Throws
   * RefusedRequest if too many calls are.
   */
  async answer<Result>(call: ApiCall, use: (answer: ApiAnswer) => Promise<Result>): Promise<Result> {
    const handler = this.#requireHandler(false);
    const network = clientNetwork(call.peer);
    if (!this.#answering.enter(network)) throw new RefusedRequest(503, 'busy', 'too many calls at once; retry');
    try {
      return await use(await handler.answer(call));
    } finally {
      this.#answering.leave(network);
    }
  }

  #requireHandler(isStopping: boolean): ApiHandler {
    if (this.#handler !== undefined && !isStopping) return this.#handler;
    throw new RefusedRequest(503, 'not_ready', 'the service is starting or stopping; retry');
  }
}

async function serveOrRefuse(
  request: IncomingMessage,
  response: ServerResponse,
  answer: () => Promise<void>,
): Promise<void> {
  try {
    await answer();
  } catch (error) {
    if (error instanceof RefusedRequest) await sendConnectError(request, response, error);
    else response.destroy(); // the caller disconnected
  }
}

function sendConnectError(request: IncomingMessage, response: ServerResponse, refusal: RefusedRequest): Promise<void> {
  const code = CONNECT_CODES[refusal.status] ?? 'unknown';
  return sendRefusal(request, response, refusal, { code, message: refusal.message });
}

/** Returns a signal that is aborted when the caller disconnects. */
export function abortOnClose(response: ServerResponse): AbortSignal {
  const leaving = new AbortController();
  response.once('close', () => leaving.abort());
  return leaving.signal;
}

/** Sends the answer of the handler as it is. */
export async function sendAnswer(response: ServerResponse, { status, header, body }: ApiAnswer): Promise<void> {
  if (response.destroyed) return;
  for (const [name, value] of header ?? []) response.setHeader(name, value);
  response.writeHead(status);
  await pipeline(Readable.from(body ?? []), response);
}
