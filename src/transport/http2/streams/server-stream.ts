/** The application's side of one request: data any number of times, then the end or a reset; nothing after these. */
export interface StreamReceiver {
  /** Data of the body: `bytes` from `start` to `end`, never written to again. */
  data(bytes: Buffer, start: number, end: number): void;
  end(): void;
  /** The stream is gone: no answer reaches anybody, but the request is still to be settled. */
  reset(): void;
}

/** What the connection does for its streams. */
interface StreamOwner {
  respond(
    stream: ServerStream,
    headers: Uint8Array,
    prefix: Uint8Array,
    payload: Uint8Array,
    trailers: Uint8Array,
  ): void;
  respondHeaders(stream: ServerStream, headers: Uint8Array): void;
  settle(): void;
}

/** What of a response waits for the peer's windows. */
export interface Unsent {
  readonly body: Uint8Array;
  readonly trailers: Uint8Array;
  at: number;
}

/** One request and its response. It is settled once, by one of `respond`, `respondHeaders` and `release`. */
export class ServerStream {
  readonly id: number;
  readonly #owner: StreamOwner;
  #isSettled = false;

  /** From here on the connection's own bookkeeping. */
  receiver: StreamReceiver | undefined;
  sendWindow: number;
  /** Bytes received and not yet given back by WINDOW_UPDATE. */
  unacknowledged = 0;
  received = 0;
  dataFrames = 0;
  readonly contentLength: number | undefined;
  isRemoteEnded = false;
  isLocalEnded = false;
  unsent: Unsent | undefined;
  /** When a sweep first found that the peer has not finished its part. */
  unfinishedSince: number | undefined;

  constructor(owner: StreamOwner, id: number, sendWindow: number, contentLength: number | undefined) {
    this.#owner = owner;
    this.id = id;
    this.sendWindow = sendWindow;
    this.contentLength = contentLength;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /**
   * Sends the whole response: encoded headers, a body in two parts (so that who frames messages need not join them),
   * encoded trailers. Settled streams and those that are gone ignore it. Nothing given is kept beyond the call but
   * headers and trailers.
   */
  respond(headers: Uint8Array, prefix: Uint8Array, payload: Uint8Array, trailers: Uint8Array): void {
    if (!this.#settle() || this.isLocalEnded) return;
    this.#owner.respond(this, headers, prefix, payload, trailers);
  }

  /** Sends a response that has no body. */
  respondHeaders(headers: Uint8Array): void {
    if (!this.#settle() || this.isLocalEnded) return;
    this.#owner.respondHeaders(this, headers);
  }

  /** The request came to nothing, as its stream is gone. */
  release(): void {
    this.#settle();
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.#owner.settle();
    return true;
  }
}
