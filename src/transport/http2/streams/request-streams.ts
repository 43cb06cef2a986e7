import type { AbuseBudget } from '../abuse-budget.ts';
import { ConnectionError, ErrorCode, frameSizeError, protocolError } from '../connection-error.ts';
import { CONNECTION_LIMITS } from '../connection-limits.ts';
import type { FrameWriter } from '../frames/frame-writer.ts';
import { Flag, MAX_WINDOW_SIZE, PRIORITY_FIELDS_LENGTH } from '../frames/protocol-constants.ts';
import { readUint31 } from '../frames/read-uint.ts';
import { stripPadding } from '../frames/strip-padding.ts';
import { encodeHeaders } from '../hpack/header-encoder.ts';
import { HeaderBlockAssembly } from './header-block-assembly.ts';
import { ReceiveWindows } from './receive-windows.ts';
import { type HeadReader, RequestDecoder } from './request-decoder.ts';
import type { ResponseSender } from './response-sender.ts';
import { type RequestReceiver, ServerStream } from './server-stream.ts';
import { StreamRegistry } from './stream-registry.ts';

/** The callbacks of the application that serves a connection. */
export interface ConnectionHandlers<Head> {
  readonly readHead: HeadReader<Head>;
  /** Accepts a request as soon as its headers have arrived. `now` is the time that was passed to `receive`. */
  readonly acceptRequest: (stream: ServerStream, head: Head, now: number) => RequestReceiver;
  /** SETTINGS_MAX_HEADER_LIST_SIZE; undefined: that of CONNECTION_LIMITS. */
  readonly maxHeaderListSize?: number | undefined;
}

const HEADERS_TOO_LARGE = encodeHeaders([[':status', '431']]);

/** The request streams of one connection. Handles the frames of streams, and runs each stream's life cycle. */
export class RequestStreams<Head> {
  readonly #acceptRequest: ConnectionHandlers<Head>['acceptRequest'];
  readonly #decoder: RequestDecoder<Head>;
  readonly #writer: FrameWriter;
  readonly #responses: ResponseSender;
  readonly #receiveWindows: ReceiveWindows;
  readonly #overheadBudget: AbuseBudget;
  readonly #registry = new StreamRegistry();
  #openHeaderBlock: HeaderBlockAssembly | undefined;
  #outstanding = 0;
  #lastAcceptedId = 0;
  /** The time of the input being handled, in ms. The connection sets it. */
  now = 0;
  /** The connection clears it when it shuts down; further requests are ignored then. */
  acceptsMore = true;

  constructor(
    handlers: ConnectionHandlers<Head>,
    writer: FrameWriter,
    responses: ResponseSender,
    overheadBudget: AbuseBudget,
  ) {
    this.#acceptRequest = handlers.acceptRequest;
    this.#decoder = new RequestDecoder(handlers.readHead, handlers.maxHeaderListSize);
    this.#writer = writer;
    this.#responses = responses;
    this.#receiveWindows = new ReceiveWindows(writer);
    this.#overheadBudget = overheadBudget;
  }

  /** The number of open streams. */
  get size(): number {
    return this.#registry.size;
  }

  /** The number of requests that were accepted and are not settled, even if their stream is gone. */
  get outstanding(): number {
    return this.#outstanding;
  }

  get lastAcceptedId(): number {
    return this.#lastAcceptedId;
  }

  /** The header block that has begun and not ended. Only CONTINUATION frames may follow while there is one. */
  get openHeaderBlock(): HeaderBlockAssembly | undefined {
    return this.#openHeaderBlock;
  }

  values(): readonly ServerStream[] {
    return this.#registry.values();
  }

  handleHeaders(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if ((id & 1) === 0) throw protocolError(`HEADERS: stream id must be odd (got ${id})`);
    const isPlain = (flags & (Flag.PADDED | Flag.PRIORITY)) === 0;
    const [from, to] = isPlain ? [start, end] : stripPadding(flags, bytes, start, end);
    const endsStream = (flags & Flag.END_STREAM) !== 0;
    if ((flags & Flag.END_HEADERS) === 0) {
      this.#openHeaderBlock = new HeaderBlockAssembly(id, endsStream, bytes, from, to);
      return;
    }
    this.#handleHeaderBlock(id, endsStream, bytes, from, to);
    const dependsOnItself = (flags & Flag.PRIORITY) !== 0 && readUint31(bytes, from - PRIORITY_FIELDS_LENGTH) === id;
    if (dependsOnItself) this.failStream(id, ErrorCode.PROTOCOL_ERROR);
  }

  handleContinuation(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const assembly = this.#openHeaderBlock;
    if (assembly === undefined || assembly.streamId !== id)
      throw protocolError('CONTINUATION: must follow HEADERS of the same stream');
    assembly.add(bytes, start, end);
    if ((flags & Flag.END_HEADERS) === 0) return;
    this.#openHeaderBlock = undefined;
    const block = assembly.join();
    this.#handleHeaderBlock(id, assembly.endsStream, block, 0, block.length);
  }

  handleData(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    this.#checkNotIdle(id, 'DATA');
    this.#receiveWindows.consumeOnConnection(end - start);
    const isPlain = (flags & Flag.PADDED) === 0;
    const [from, to] = isPlain ? [start, end] : stripPadding(flags & Flag.PADDED, bytes, start, end);
    const stream = this.#registry.get(id);
    if (stream === undefined || stream.isRemoteClosed) {
      if (!this.#registry.wasResetByServer(id)) this.failStream(id, ErrorCode.STREAM_CLOSED);
      return;
    }
    const endsStream = (flags & Flag.END_STREAM) !== 0;
    if (!endsStream) this.#receiveWindows.consumeOnStream(stream, end - start);
    stream.receivedBytes += to - from;
    stream.dataFrameCount += 1;
    if (stream.dataFrameCount > CONNECTION_LIMITS.freeDataFramesPerRequest) this.#overheadBudget.spend(1, this.now);
    const isTooLong = stream.contentLength !== undefined && stream.receivedBytes > stream.contentLength;
    if (isTooLong) {
      this.failStream(id, ErrorCode.PROTOCOL_ERROR);
      return;
    }
    if (to > from) stream.receiver?.onData(bytes, from, to);
    if (endsStream) this.#closeRemote(stream);
  }

  handleRstStream(id: number, length: number): void {
    this.#checkNotIdle(id, 'RST_STREAM');
    if (length !== 4) throw frameSizeError('RST_STREAM', '4', length);
    this.#overheadBudget.spend(CONNECTION_LIMITS.resetCost, this.now);
    const stream = this.#registry.get(id);
    if (stream !== undefined) this.#drop(stream);
  }

  handleWindowUpdate(id: number, increment: number): void {
    this.#checkNotIdle(id, 'WINDOW_UPDATE');
    const stream = this.#registry.get(id);
    if (stream === undefined) return;
    stream.sendWindow += increment;
    if (increment === 0) this.failStream(id, ErrorCode.PROTOCOL_ERROR);
    else if (stream.sendWindow > MAX_WINDOW_SIZE) this.failStream(id, ErrorCode.FLOW_CONTROL_ERROR);
    else this.#responses.resume(stream);
  }

  /** Resets one stream for a stream error of the peer (RFC 9113, section 5.4.2). */
  failStream(id: number, code: ErrorCode): void {
    this.#overheadBudget.spend(CONNECTION_LIMITS.resetCost, this.now);
    this.#reset(id, code);
    const stream = this.#registry.get(id);
    if (stream !== undefined) this.#drop(stream);
  }

  sendResponse(
    stream: ServerStream,
    headers: Uint8Array,
    prefix: Uint8Array,
    payload: Uint8Array,
    trailers: Uint8Array,
  ): void {
    if (this.#responses.send(stream, headers, prefix, payload, trailers)) this.closeLocal(stream);
  }

  sendHeadersOnly(stream: ServerStream, headers: Uint8Array): void {
    this.#writer.writeFinalHeaders(stream.id, headers);
    this.closeLocal(stream);
  }

  noteSettled(): void {
    this.#outstanding -= 1;
  }

  /** Closes a stream whose response is complete. If the peer still sends its request, a reset tells it to stop. */
  closeLocal(stream: ServerStream): void {
    stream.isLocalClosed = true;
    if (!stream.isRemoteClosed) {
      this.#reset(stream.id, ErrorCode.NO_ERROR);
      this.#chargeWastedBody(stream);
    }
    this.#registry.delete(stream);
  }

  /** Resets the streams whose peer has not finished its request, or opened a window for the response, in time. */
  sweep(now: number): void {
    for (const stream of this.#registry.values()) {
      if (stream.isRemoteClosed && stream.pendingBody === undefined) continue;
      stream.unfinishedSinceMs ??= now;
      if (now - stream.unfinishedSinceMs >= CONNECTION_LIMITS.unfinishedTimeoutMs) {
        this.failStream(stream.id, ErrorCode.CANCEL);
      }
    }
  }

  dropAll(): void {
    for (const stream of this.#registry.values()) this.#drop(stream);
  }

  #handleHeaderBlock(id: number, endsStream: boolean, bytes: Buffer, start: number, end: number): void {
    if (id <= this.#registry.highestId) {
      this.#handleTrailers(id, endsStream, bytes, start, end);
      return;
    }
    this.#registry.markUsed(id);
    // Decoded even if it is ignored then: the block may change the decoder's table.
    const request = this.#decoder.decode(bytes, start, end);
    if (!this.acceptsMore) {
      this.#registry.rememberReset(id);
      return;
    }
    this.#lastAcceptedId = id;
    if (request.fault === 'malformed') this.failStream(id, ErrorCode.PROTOCOL_ERROR);
    else if (this.#registry.size >= CONNECTION_LIMITS.maxConcurrentStreams) {
      this.failStream(id, ErrorCode.REFUSED_STREAM);
    } else if (request.fault !== undefined) {
      this.#overheadBudget.spend(CONNECTION_LIMITS.oversizedHeadersCost, this.now);
      this.#open(id, endsStream, undefined).respondWithHeaders(HEADERS_TOO_LARGE);
    } else {
      const stream = this.#open(id, endsStream, request.contentLength);
      stream.receiver = this.#acceptRequest(stream, request.head, this.now);
      if (endsStream) this.#closeRemote(stream);
    }
  }

  #open(id: number, endsStream: boolean, contentLength: number | undefined): ServerStream {
    const stream = new ServerStream(this, id, this.#responses.initialStreamWindow, contentLength);
    stream.isRemoteClosed = endsStream;
    this.#outstanding += 1;
    this.#registry.add(stream);
    return stream;
  }

  #handleTrailers(id: number, endsStream: boolean, bytes: Buffer, start: number, end: number): void {
    const isWellFormed = this.#decoder.decodeTrailers(bytes, start, end);
    const stream = this.#registry.get(id);
    if (stream === undefined) {
      if (this.#registry.wasResetByServer(id)) return;
      const code = this.#registry.hasSkippedIds ? ErrorCode.PROTOCOL_ERROR : ErrorCode.STREAM_CLOSED;
      throw new ConnectionError(code, 'HEADERS: stream must not be closed');
    }
    if (stream.isRemoteClosed) this.failStream(id, ErrorCode.STREAM_CLOSED);
    else if (!endsStream || !isWellFormed) this.failStream(id, ErrorCode.PROTOCOL_ERROR);
    else this.#closeRemote(stream);
  }

  /** Handles the end of the peer's request. */
  #closeRemote(stream: ServerStream): void {
    if (stream.isLocalClosed) return;
    if (stream.contentLength !== undefined && stream.contentLength !== stream.receivedBytes) {
      this.failStream(stream.id, ErrorCode.PROTOCOL_ERROR);
      return;
    }
    stream.isRemoteClosed = true;
    stream.receiver?.onEnd();
  }

  #checkNotIdle(id: number, frameName: string): void {
    if (id === 0 || id > this.#registry.highestId) throw protocolError(`${frameName}: stream must not be idle`);
  }

  #reset(id: number, code: ErrorCode): void {
    this.#writer.writeRstStream(id, code);
    this.#registry.rememberReset(id);
  }

  #chargeWastedBody({ receivedBytes }: ServerStream): void {
    this.#overheadBudget.spend((receivedBytes / 1024) * CONNECTION_LIMITS.wastedKilobyteCost, this.now);
  }

  /** Ends a stream without a response. */
  #drop(stream: ServerStream): void {
    if (!stream.isRemoteClosed) this.#chargeWastedBody(stream);
    this.#registry.delete(stream);
    this.#responses.forget(stream);
    stream.isLocalClosed = true;
    stream.receiver?.onReset();
  }
}
