import { AbuseBudget } from './abuse-budget.ts';
import { ConnectionError, ErrorCode, frameSizeError, protocolError } from './connection-error.ts';
import { CONNECTION_LIMITS } from './connection-limits.ts';
import { FrameParser } from './frames/frame-parser.ts';
import { FrameWriter } from './frames/frame-writer.ts';
import type { OutputBuffer } from './frames/output-buffer.ts';
import { readInitialWindowSize } from './frames/peer-settings.ts';
import {
  CONNECTION_PREFACE,
  DEFAULT_WINDOW_SIZE,
  Flag,
  FrameType,
  MAX_STREAM_ID,
  PRIORITY_FIELDS_LENGTH,
  Setting,
} from './frames/protocol-constants.ts';
import { readUint31 } from './frames/read-uint.ts';
import { type ConnectionHandlers, RequestStreams } from './streams/request-streams.ts';
import { ResponseSender } from './streams/response-sender.ts';

const PREFACE_BYTES = Buffer.from(CONNECTION_PREFACE);
/** The payload of the PING whose answer shows that the peer has received the first GOAWAY. */
const SHUTDOWN_PING = Buffer.from('drained?');
const SERVER_SETTINGS = [
  [Setting.MAX_CONCURRENT_STREAMS, CONNECTION_LIMITS.maxConcurrentStreams],
  [Setting.INITIAL_WINDOW_SIZE, CONNECTION_LIMITS.streamWindowBytes],
] as const;

/**
 * `announced`: a graceful shutdown has begun, and the streams that the peer opens are still accepted. `final`: no more
 * streams are accepted, and open ones are finished. `closed`: nothing is received any more.
 */
type Phase = 'open' | 'announced' | 'final' | 'closed';

/**
 * The server side of one HTTP/2 connection (RFC 9113), without I/O. `receive` takes the bytes that arrive and calls the
 * application; `output` holds the bytes to send. The server never pushes, and it ignores priorities, as the RFC allows.
 */
export class ServerConnection<Head> {
  readonly #writer = new FrameWriter();
  readonly #responses = new ResponseSender(this.#writer, (stream) => this.#streams.closeLocal(stream));
  readonly #parser = new FrameParser(this);
  readonly #controlFrameBudget = new AbuseBudget(CONNECTION_LIMITS.controlFrameBudget);
  readonly #overheadBudget = new AbuseBudget(CONNECTION_LIMITS.overheadBudget);
  readonly #streams: RequestStreams<Head>;
  #phase: Phase = 'open';
  #hasSentFirstGoAway = false;
  /** When a sweep first found that the peer has not answered the PING of the first GOAWAY, in ms. */
  #unansweredGoAwaySinceMs: number | undefined;
  /** Bytes of the connection preface that have arrived. */
  #prefaceLength = 0;
  #isFirstFrame = true;
  /** The preface, frame or header block that the last sweep found unfinished. */
  #unfinished: object | undefined;
  #unfinishedSinceMs = 0;
  #now = 0;

  constructor(handlers: ConnectionHandlers<Head>) {
    this.#streams = new RequestStreams(handlers, this.#writer, this.#responses, this.#overheadBudget);
    const { maxHeaderListSize = CONNECTION_LIMITS.maxHeaderListSize } = handlers;
    this.#writer.writeSettings([...SERVER_SETTINGS, [Setting.MAX_HEADER_LIST_SIZE, maxHeaderListSize]]);
    this.#writer.writeWindowUpdate(0, CONNECTION_LIMITS.connectionWindowBytes - DEFAULT_WINDOW_SIZE);
  }

  get output(): OutputBuffer {
    return this.#writer.output;
  }

  /** Whether nothing more follows. The transport sends the rest of `output`, then closes. */
  get isFinished(): boolean {
    return this.#phase === 'closed' || (this.#phase === 'final' && this.#streams.size === 0);
  }

  /** The id of the last stream that the peer has opened; 0: none yet. */
  get lastAcceptedId(): number {
    return this.#streams.lastAcceptedId;
  }

  /** Streams that are not finished. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /**
   * Returns the ms for which the transport must not read. Infinity: until requests are settled or output is taken.
   * The pause is what bounds the work and memory that a peer can cause; a transport that keeps reading is unprotected.
   */
  computeReadPauseMs(now: number): number {
    if (this.#phase === 'closed') return Number.POSITIVE_INFINITY;
    if (this.#streams.outstanding >= CONNECTION_LIMITS.maxOutstandingRequests) return Number.POSITIVE_INFINITY;
    if (this.output.length >= CONNECTION_LIMITS.maxPendingOutputBytes) return Number.POSITIVE_INFINITY;
    return this.#overheadBudget.computeWaitMs(now);
  }

  /**
   * Handles bytes that have arrived. `now` is in ms, on any clock that does not run backwards. The connection may keep
   * `bytes`, so a caller that reuses its buffer must pass a copy.
   */
  receive(bytes: Buffer, now: number): void {
    if (this.#phase === 'closed') return;
    this.#now = now;
    this.#streams.now = now;
    try {
      this.#parser.parse(bytes, this.#prefaceLength < PREFACE_BYTES.length ? this.#receivePreface(bytes) : 0);
      if (this.#phase === 'announced') this.#sendFirstGoAway();
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.fail(error.code, error.message);
    }
  }

  /**
   * Ends what the peer has not finished in time. Call it every few seconds. The time counts from the first call that
   * finds something unfinished, so the many requests that arrive whole need no bookkeeping.
   */
  sweep(now: number): void {
    if (this.#phase === 'closed') return;
    this.#streams.now = now;
    this.#streams.sweep(now);
    if (this.#phase === 'announced' && this.#hasSentFirstGoAway) this.#endAnnouncement(now);
    const unfinished = this.#isFirstFrame ? this : (this.#streams.openHeaderBlock ?? this.#parser.partialFrame);
    // While reading is paused, the missing part may have arrived unread.
    if (unfinished === undefined || unfinished !== this.#unfinished || this.computeReadPauseMs(now) > 0) {
      this.#unfinished = unfinished;
      this.#unfinishedSinceMs = now;
    } else if (now - this.#unfinishedSinceMs >= CONNECTION_LIMITS.unfinishedTimeoutMs) {
      this.fail(ErrorCode.ENHANCE_YOUR_CALM, 'preface, frame or header block: not finished in time');
    }
  }

  /**
   * Ends the connection after the transport has closed, or the peer has closed its side. A peer that sends no more is
   * assumed not to wait for responses either.
   */
  close(): void {
    this.#phase = 'closed';
    this.#streams.dropAll();
  }

  /** Ends the connection at once, with a GOAWAY. */
  fail(code: ErrorCode, message: string): void {
    if (this.#phase === 'closed') return;
    this.#writer.writeGoAway(this.#streams.lastAcceptedId, code, message);
    this.close();
  }

  /**
   * Begins a graceful shutdown (RFC 9113, section 6.8). Asks the peer to open no more streams. Streams that it opens
   * before it has received that request are still accepted, so no call is lost. Its answer to a PING shows that it has
   * received it.
   */
  announceShutdown(): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'announced';
    this.#sendFirstGoAway();
  }

  /**
   * Waits for the first stream: grpc-js ignores a GOAWAY that arrives together with the first SETTINGS. It would keep
   * using the connection, and its calls would be refused.
   */
  #sendFirstGoAway(): void {
    if (this.#hasSentFirstGoAway || this.#streams.lastAcceptedId === 0) return;
    this.#hasSentFirstGoAway = true;
    this.#writer.writeGoAway(MAX_STREAM_ID, ErrorCode.NO_ERROR, '');
    this.#writer.writePing(0, SHUTDOWN_PING);
  }

  /** Accepts no more streams, even if the peer may not have learned of the announcement. Open streams are finished. */
  completeShutdown(): void {
    if (this.#phase === 'closed' || this.#phase === 'final') return;
    this.#phase = 'final';
    this.#writer.writeGoAway(this.#streams.lastAcceptedId, ErrorCode.NO_ERROR, '');
    this.#streams.acceptsMore = false;
  }

  /** Completes the shutdown if the peer does not answer the PING of the first GOAWAY in time. */
  #endAnnouncement(now: number): void {
    this.#unansweredGoAwaySinceMs ??= now;
    if (now - this.#unansweredGoAwaySinceMs >= CONNECTION_LIMITS.unfinishedTimeoutMs) this.completeShutdown();
  }

  /** Called only by the FrameParser. */
  handleFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    if (this.#isFirstFrame) this.#checkFirstFrame(type, flags);
    const streams = this.#streams;
    if (streams.openHeaderBlock !== undefined && type !== FrameType.CONTINUATION)
      throw protocolError('header block without END_HEADERS: must be followed by CONTINUATION');
    switch (type) {
      case FrameType.HEADERS:
        streams.handleHeaders(flags, streamId, bytes, start, end);
        break;
      case FrameType.DATA:
        if (start === end && (flags & Flag.END_STREAM) === 0) this.#chargeControlFrame();
        streams.handleData(flags, streamId, bytes, start, end);
        break;
      case FrameType.CONTINUATION:
        streams.handleContinuation(flags, streamId, bytes, start, end);
        break;
      case FrameType.RST_STREAM:
        streams.handleRstStream(streamId, end - start);
        break;
      case FrameType.WINDOW_UPDATE:
        this.#handleWindowUpdate(streamId, bytes, start, end);
        break;
      case FrameType.PRIORITY:
        this.#handlePriority(streamId, bytes, start, end);
        break;
      case FrameType.PUSH_PROMISE:
        throw protocolError('PUSH_PROMISE: must not be sent by a client');
      default:
        this.#handleConnectionFrame(type, flags, streamId, bytes, start, end);
        break;
    }
  }

  /** Handles SETTINGS, PING and GOAWAY, and ignores frames of unknown types (RFC 9113, section 5.5). */
  #handleConnectionFrame(
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    const isKnownType = type === FrameType.SETTINGS || type === FrameType.PING || type === FrameType.GOAWAY;
    if (!isKnownType) {
      this.#overheadBudget.spend(1, this.#now);
      return;
    }
    if (streamId !== 0) throw protocolError(`SETTINGS, PING, GOAWAY: stream id must be 0 (got ${streamId})`);
    if (type === FrameType.PING) this.#overheadBudget.spend(CONNECTION_LIMITS.pingCost, this.#now);
    else this.#chargeControlFrame();
    if (type === FrameType.SETTINGS) this.#handleSettings(flags, bytes, start, end);
    else if (type === FrameType.PING) this.#handlePing(flags, bytes, start, end);
    else if (end - start < 8) throw frameSizeError('GOAWAY', 'at least 8', end - start);
  }

  #handleSettings(flags: number, bytes: Buffer, start: number, end: number): void {
    if ((flags & Flag.ACK) !== 0) {
      if (start !== end) throw frameSizeError('SETTINGS with ACK', '0', end - start);
      return;
    }
    const initialWindowSize = readInitialWindowSize(bytes, start, end);
    this.#writer.writeSettingsAck();
    if (initialWindowSize !== undefined) {
      this.#responses.setInitialStreamWindow(initialWindowSize, this.#streams.values());
    }
  }

  #handlePing(flags: number, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 8) throw frameSizeError('PING', '8', end - start);
    const payload = bytes.subarray(start, end);
    if ((flags & Flag.ACK) === 0) this.#writer.writePing(Flag.ACK, payload);
    else if (this.#phase === 'announced' && SHUTDOWN_PING.equals(payload)) this.completeShutdown();
  }

  #handleWindowUpdate(streamId: number, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw frameSizeError('WINDOW_UPDATE', '4', end - start);
    this.#overheadBudget.spend(1, this.#now);
    const increment = readUint31(bytes, start);
    if (streamId !== 0) this.#streams.handleWindowUpdate(streamId, increment);
    else if (increment === 0) throw protocolError('WINDOW_UPDATE: increment must be at least 1 (got 0)');
    else this.#responses.growConnectionWindow(increment);
  }

  #handlePriority(streamId: number, bytes: Buffer, start: number, end: number): void {
    if (streamId === 0) throw protocolError('PRIORITY: stream id must not be 0');
    this.#overheadBudget.spend(1, this.#now);
    if (end - start !== PRIORITY_FIELDS_LENGTH) this.#streams.failStream(streamId, ErrorCode.FRAME_SIZE_ERROR);
    else if (readUint31(bytes, start) === streamId) this.#streams.failStream(streamId, ErrorCode.PROTOCOL_ERROR);
  }

  #chargeControlFrame(): void {
    if (!this.#controlFrameBudget.spend(1, this.#now))
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'SETTINGS, GOAWAY or empty DATA frames: too many');
  }

  /** Checks the bytes of the connection preface. Returns the offset in `bytes` at which they end. */
  #receivePreface(bytes: Buffer): number {
    const length = Math.min(bytes.length, PREFACE_BYTES.length - this.#prefaceLength);
    for (let offset = 0; offset < length; offset++) {
      if (bytes[offset] !== PREFACE_BYTES[this.#prefaceLength + offset])
        throw protocolError('connection preface: must be that of HTTP/2');
    }
    this.#prefaceLength += length;
    return length;
  }

  #checkFirstFrame(type: number, flags: number): void {
    if (type !== FrameType.SETTINGS || (flags & Flag.ACK) !== 0)
      throw protocolError('first frame: must be SETTINGS without ACK');
    this.#isFirstFrame = false;
  }
}
