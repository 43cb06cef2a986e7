import { uint31At } from './frames/read-uint.ts';
import { FrameParser } from './frames/frame-parser.ts';
import { FrameWriter } from './frames/frame-writer.ts';
import { readInitialWindow } from './frames/peer-settings.ts';
import {
  ConnectionError,
  DEFAULT_WINDOW,
  ErrorCode,
  Flag,
  FrameType,
  MAX_STREAM_ID,
  PREFACE,
  Setting,
} from './frames/protocol-constants.ts';
import { LIMITS } from './connection-limits.ts';
import { RequestStreams, type ServerOptions } from './streams/request-streams.ts';
import { TokenBucket } from './abuse-budget.ts';

const PREFACE_BYTES = Buffer.from(PREFACE);
const DRAIN_PING = Buffer.from('drained?');
const PRIORITY_LENGTH = 5;
const SETTINGS = [
  [Setting.MAX_CONCURRENT_STREAMS, LIMITS.concurrentStreams],
  [Setting.INITIAL_WINDOW_SIZE, LIMITS.streamWindow],
  [Setting.MAX_HEADER_LIST_SIZE, LIMITS.headerListSize],
] as const;

type Phase = 'open' | 'announced' | 'final' | 'failed';

/**
 * The server's side of one HTTP/2 connection without its I/O: `receive` takes what arrives and calls the application,
 * `output` holds what is to be sent. It does not push, and it ignores priorities, as RFC 9113 allows.
 */
export class ServerConnection<Head> {
  readonly #writer = new FrameWriter((stream) => this.#streams.endLocal(stream));
  readonly #splitter = new FrameParser(this);
  #isShutDownAnnounced = false;
  readonly #control = new TokenBucket(LIMITS.control);
  readonly #pace = new TokenBucket(LIMITS.pace);
  readonly #streams: RequestStreams<Head>;
  #phase: Phase = 'open';
  #prefaceAt = 0;
  #isFirstFrame = true;
  #unfinished: object | undefined;
  #unfinishedSince = 0;
  #now = 0;

  constructor(options: ServerOptions<Head>) {
    this.#streams = new RequestStreams(options, this.#writer, this.#pace);
    this.#writer.settings(SETTINGS);
    this.#writer.windowUpdate(0, LIMITS.connectionWindow - DEFAULT_WINDOW);
  }

  get output(): FrameWriter['output'] {
    return this.#writer.output;
  }

  /** Whether nothing more is to come: what `output` holds is to be sent, then the transport closed. */
  get isFinished(): boolean {
    return this.#phase === 'failed' || (this.#phase === 'final' && this.#streams.size === 0);
  }

  /**
   * ms for which nothing is to be read; Infinity: until requests are settled or output is taken. Not reading is what
   * bounds a peer's work and memory, so a transport that reads on all the same is unprotected.
   */
  readPause(now: number): number {
    if (this.#phase === 'failed') return Number.POSITIVE_INFINITY;
    if (this.#streams.outstanding >= LIMITS.outstandingRequests) return Number.POSITIVE_INFINITY;
    if (this.output.length >= LIMITS.pendingOutput) return Number.POSITIVE_INFINITY;
    return this.#pace.wait(now);
  }

  /** `now` in ms on any clock that does not go back. Whoever writes to `bytes` again has to hand over a copy. */
  receive(bytes: Buffer, now: number): void {
    if (this.#phase === 'failed') return;
    this.#now = now;
    this.#streams.now = now;
    try {
      this.#splitter.split(bytes, this.#prefaceAt < PREFACE_BYTES.length ? this.#checkPreface(bytes) : 0);
      if (this.#phase === 'announced') this.#announceShutDown();
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.fail(error.code, error.message);
    }
  }

  /**
   * Ends what the peer does not finish in time. To be called every few seconds: time counts from the first call that
   * finds it unfinished, so that nothing is noted down for the many requests that come whole.
   */
  sweep(now: number): void {
    if (this.#phase === 'failed') return;
    this.#streams.now = now;
    this.#streams.sweep(now);
    const unfinished = this.#isFirstFrame ? this : (this.#streams.headerBlock ?? this.#splitter.partial);
    // While nothing is read, what is missing may long have come.
    if (unfinished === undefined || unfinished !== this.#unfinished || this.readPause(now) > 0) {
      this.#unfinished = unfinished;
      this.#unfinishedSince = now;
    } else if (now - this.#unfinishedSince >= LIMITS.unfinished) {
      this.fail(ErrorCode.ENHANCE_YOUR_CALM, 'preface, frame or header block not finished in time');
    }
  }

  /** The transport is gone, or the peer's side of it: who sends no more is taken to wait for nothing. */
  close(): void {
    this.#phase = 'failed';
    this.#streams.dropAll();
  }

  /** Ends the connection at once, with a GOAWAY. */
  fail(code: ErrorCode, message: string): void {
    if (this.#phase === 'failed') return;
    this.#writer.goAway(this.#streams.lastAcceptedId, code, message);
    this.close();
  }

  /**
   * Begins an ordered end: asks the peer to open no more streams, and takes those that it opens until it has heard of
   * it (its answer to a PING tells), so that none is refused.
   */
  shutDown(): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'announced';
    this.#announceShutDown();
  }

  /**
   * Not before the first stream: grpc-js does not hear a GOAWAY that comes with the first SETTINGS, would go on using the
   * connection, and see its calls refused.
   */
  #announceShutDown(): void {
    if (this.#isShutDownAnnounced || this.#streams.lastAcceptedId === 0) return;
    this.#isShutDownAnnounced = true;
    this.#writer.goAway(MAX_STREAM_ID, ErrorCode.NO_ERROR, '');
    this.#writer.ping(0, DRAIN_PING);
  }

  /** Takes no more streams, though the peer may not have heard of `shutDown`. */
  finishShutDown(): void {
    if (this.#phase === 'failed' || this.#phase === 'final') return;
    this.#phase = 'final';
    this.#writer.goAway(this.#streams.lastAcceptedId, ErrorCode.NO_ERROR, '');
    this.#streams.acceptsMore = false;
  }

  /** For FrameSplitter only. */
  takeFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    if (this.#isFirstFrame) this.#checkFirstFrame(type, flags);
    const streams = this.#streams;
    if (streams.headerBlock !== undefined && type !== FrameType.CONTINUATION)
      throw protocolError('expected CONTINUATION after a header block without END_HEADERS');
    switch (type) {
      case FrameType.HEADERS:
        streams.headers(flags, streamId, bytes, start, end);
        break;
      case FrameType.DATA:
        if (start === end && (flags & Flag.END_STREAM) === 0) this.#takeControl();
        streams.data(flags, streamId, bytes, start, end);
        break;
      case FrameType.CONTINUATION:
        streams.continuation(flags, streamId, bytes, start, end);
        break;
      case FrameType.RST_STREAM:
        streams.rstStream(streamId, end - start);
        break;
      case FrameType.WINDOW_UPDATE:
        this.#windowUpdate(streamId, bytes, start, end);
        break;
      case FrameType.PRIORITY:
        this.#priority(streamId, bytes, start, end);
        break;
      case FrameType.PUSH_PROMISE:
        throw protocolError('PUSH_PROMISE from a client');
      default:
        this.#connectionFrame(type, flags, streamId, bytes, start, end);
        break;
    }
  }

  #connectionFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    const isKnown = type === FrameType.SETTINGS || type === FrameType.PING || type === FrameType.GOAWAY;
    if (!isKnown) {
      this.#pace.take(1, this.#now);
      return;
    }
    if (streamId !== 0) throw protocolError('connection frame with a stream id');
    if (type === FrameType.PING) this.#pace.take(LIMITS.paceOfPing, this.#now);
    else this.#takeControl();
    if (type === FrameType.SETTINGS) this.#settings(flags, bytes, start, end);
    else if (type === FrameType.PING) this.#ping(flags, bytes, start, end);
    else if (end - start < 8) throw frameSizeError('GOAWAY');
  }

  #settings(flags: number, bytes: Buffer, start: number, end: number): void {
    if ((flags & Flag.ACK) !== 0) {
      if (start !== end) throw frameSizeError('SETTINGS acknowledgement');
      return;
    }
    const initialWindow = readInitialWindow(bytes, start, end);
    this.#writer.settingsAcknowledgement();
    if (initialWindow !== undefined) this.#writer.setInitialStreamWindow(initialWindow, this.#streams.values());
  }

  #ping(flags: number, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 8) throw frameSizeError('PING');
    const payload = bytes.subarray(start, end);
    if ((flags & Flag.ACK) === 0) this.#writer.ping(Flag.ACK, payload);
    else if (this.#phase === 'announced' && DRAIN_PING.equals(payload)) this.finishShutDown();
  }

  #windowUpdate(streamId: number, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw frameSizeError('WINDOW_UPDATE');
    this.#pace.take(1, this.#now);
    const increment = uint31At(bytes, start);
    if (streamId !== 0) this.#streams.windowUpdate(streamId, increment);
    else if (increment === 0) throw protocolError('WINDOW_UPDATE of 0');
    else this.#writer.growWindow(increment);
  }

  #priority(streamId: number, bytes: Buffer, start: number, end: number): void {
    if (streamId === 0) throw protocolError('PRIORITY without a stream');
    this.#pace.take(1, this.#now);
    if (end - start !== PRIORITY_LENGTH) this.#streams.fault(streamId, ErrorCode.FRAME_SIZE_ERROR);
    else if (uint31At(bytes, start) === streamId) this.#streams.fault(streamId, ErrorCode.PROTOCOL_ERROR);
  }

  #takeControl(): void {
    if (!this.#control.take(1, this.#now))
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'too many SETTINGS or empty DATA frames');
  }

  #checkPreface(bytes: Buffer): number {
    const length = Math.min(bytes.length, PREFACE_BYTES.length - this.#prefaceAt);
    for (let at = 0; at < length; at++)
      if (bytes[at] !== PREFACE_BYTES[this.#prefaceAt + at]) throw protocolError('not an HTTP/2 connection preface');
    this.#prefaceAt += length;
    return length;
  }

  #checkFirstFrame(type: number, flags: number): void {
    if (type !== FrameType.SETTINGS || (flags & Flag.ACK) !== 0) throw protocolError('expected SETTINGS first');
    this.#isFirstFrame = false;
  }
}

function protocolError(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, message);
}

function frameSizeError(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `${what} of a wrong length`);
}
