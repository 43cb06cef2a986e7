/**
 * The application's side of one request. It receives the body as any number of `onData`, then one `onEnd` or `onReset`,
 * and nothing afterwards.
 */
export interface RequestReceiver {
  /** Receives data of the body: `bytes` from `start` to `end`. Nothing writes to these bytes afterwards. */
  onData(bytes: Buffer, start: number, end: number): void;
  onEnd(): void;
  /** The stream is gone. No response reaches the peer, but the application must still settle the request. */
  onReset(): void;
}

/** The work that the connection does for its streams. */
interface StreamOwner {
  sendResponse(
    stream: ServerStream,
    headers: Uint8Array,
    prefix: Uint8Array,
    payload: Uint8Array,
    trailers: Uint8Array,
  ): void;
  sendHeadersOnly(stream: ServerStream, headers: Uint8Array): void;
  /** Counts a request as settled. */
  noteSettled(): void;
}

/** The part of a response that waits for the peer's flow-control windows. */
export interface PendingBody {
  /** The whole body. The first `sentLength` bytes of it are sent. */
  readonly bytes: Uint8Array;
  sentLength: number;
  readonly trailers: Uint8Array;
}

/**
 * One request and its response. The application settles it once, with `respond`, `respondWithHeaders` or `discard`.
 * Until then the request counts as outstanding.
 */
export class ServerStream {
  readonly id: number;
  readonly #owner: StreamOwner;
  #isSettled = false;

  // The fields from here on belong to the connection's bookkeeping.
  receiver: RequestReceiver | undefined;
  /** Bytes that the peer's window of this stream still allows to send. Negative after the peer has reduced it. */
  sendWindow: number;
  /** Bytes received and not yet returned to the peer by a WINDOW_UPDATE. */
  unreturnedWindow = 0;
  receivedBytes = 0;
  dataFrameCount = 0;
  readonly contentLength: number | undefined;
  /** Whether the peer has ended its side: the stream is half-closed (remote), RFC 9113, section 5.1. */
  isRemoteClosed = false;
  /** Whether this server has ended its side, or the stream is gone. */
  isLocalClosed = false;
  pendingBody: PendingBody | undefined;
  /** When a sweep first found that the peer has not finished its part, in ms. */
  unfinishedSinceMs: number | undefined;

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
   * Sends the whole response: encoded headers, a body in two parts (so that a caller that frames messages need not join
   * them), and encoded trailers. Does nothing on a stream that is settled or gone. Only `headers` and `trailers` may be
   * kept after the call; the caller may reuse the memory of `prefix` and `payload`.
   */
  respond(headers: Uint8Array, prefix: Uint8Array, payload: Uint8Array, trailers: Uint8Array): void {
    if (!this.#settle() || this.isLocalClosed) return;
    this.#owner.sendResponse(this, headers, prefix, payload, trailers);
  }

  /** Sends a response without a body. Does nothing on a stream that is settled or gone. */
  respondWithHeaders(headers: Uint8Array): void {
    if (!this.#settle() || this.isLocalClosed) return;
    this.#owner.sendHeadersOnly(this, headers);
  }

  /** Settles the request without a response, because its stream is gone. */
  discard(): void {
    this.#settle();
  }

  /** Returns false when the request was settled before. */
  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.#owner.noteSettled();
    return true;
  }
}
