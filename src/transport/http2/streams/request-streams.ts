import { byteAt, uint31At } from '../frames/read-uint.ts';
import type { FrameWriter } from '../frames/frame-writer.ts';
import { ConnectionError, ErrorCode, Flag, MAX_WINDOW } from '../frames/protocol-constants.ts';
import { HeaderBlock } from './header-block-assembly.ts';
import { encodeHeaders } from '../hpack/header-encoder.ts';
import { LIMITS } from '../connection-limits.ts';
import type { TokenBucket } from '../abuse-budget.ts';
import { type HeadReader, RequestReader } from './request-decoder.ts';
import { ServerStream, type StreamReceiver } from './server-stream.ts';
import { StreamTable } from './stream-registry.ts';

export interface ServerOptions<Head> {
  readonly readHead: HeadReader<Head>;
  /** Takes a request as soon as its headers are there; `now` is what `receive` was given. */
  readonly accept: (stream: ServerStream, head: Head, now: number) => StreamReceiver;
}

const HEADERS_TOO_LARGE = encodeHeaders([[':status', '431']]);

/** The requests of one connection: HEADERS, CONTINUATION, DATA and RST_STREAM, and what becomes of the streams. */
export class RequestStreams<Head> {
  readonly #accept: ServerOptions<Head>['accept'];
  readonly #reader: RequestReader<Head>;
  readonly #writer: FrameWriter;
  readonly #pace: TokenBucket;
  readonly #table = new StreamTable();
  #block: HeaderBlock | undefined;
  #unacknowledged = 0;
  #outstanding = 0;
  #lastAcceptedId = 0;
  now = 0;
  acceptsMore = true;

  constructor(options: ServerOptions<Head>, writer: FrameWriter, pace: TokenBucket) {
    this.#accept = options.accept;
    this.#reader = new RequestReader(options.readHead);
    this.#writer = writer;
    this.#pace = pace;
  }

  get size(): number {
    return this.#table.size;
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  get lastAcceptedId(): number {
    return this.#lastAcceptedId;
  }

  /** The header block that has begun and not ended. */
  get headerBlock(): HeaderBlock | undefined {
    return this.#block;
  }

  values(): readonly ServerStream[] {
    return this.#table.values();
  }

  headers(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if ((id & 1) === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'HEADERS: expected an odd stream id');
    const [from, to] = (flags & (Flag.PADDED | Flag.PRIORITY)) === 0 ? [start, end] : unwrap(flags, bytes, start, end);
    const endsStream = (flags & Flag.END_STREAM) !== 0;
    if ((flags & Flag.END_HEADERS) === 0) {
      this.#block = new HeaderBlock(id, endsStream, bytes, from, to);
      return;
    }
    this.#headerBlock(id, endsStream, bytes, from, to);
    const isOwnDependency = (flags & Flag.PRIORITY) !== 0 && uint31At(bytes, from - PRIORITY_LENGTH) === id;
    if (isOwnDependency) this.fault(id, ErrorCode.PROTOCOL_ERROR);
  }

  continuation(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const block = this.#block;
    if (block === undefined || block.streamId !== id)
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'CONTINUATION without a header block');
    block.add(bytes, start, end);
    if ((flags & Flag.END_HEADERS) === 0) return;
    this.#block = undefined;
    const joined = block.join();
    this.#headerBlock(id, block.endsStream, joined, 0, joined.length);
  }

  data(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    this.#checkNotIdle(id, 'DATA');
    this.#acknowledge(end - start);
    const [from, to] = (flags & Flag.PADDED) === 0 ? [start, end] : unwrap(flags & Flag.PADDED, bytes, start, end);
    const stream = this.#table.get(id);
    if (stream === undefined || stream.isRemoteEnded) {
      if (!this.#table.wasResetHere(id)) this.fault(id, ErrorCode.STREAM_CLOSED);
      return;
    }
    const endsStream = (flags & Flag.END_STREAM) !== 0;
    if (!endsStream) this.#acknowledgeOnStream(stream, end - start);
    stream.received += to - from;
    stream.dataFrames += 1;
    if (stream.dataFrames > LIMITS.freeDataFrames) this.#pace.take(1, this.now);
    const isTooLong = stream.contentLength !== undefined && stream.received > stream.contentLength;
    if (isTooLong) {
      this.fault(id, ErrorCode.PROTOCOL_ERROR);
      return;
    }
    if (to > from) stream.receiver?.data(bytes, from, to);
    if (endsStream) this.#endRemote(stream);
  }

  rstStream(id: number, length: number): void {
    this.#checkNotIdle(id, 'RST_STREAM');
    if (length !== 4) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'RST_STREAM of a wrong length');
    this.#pace.take(LIMITS.paceOfReset, this.now);
    const stream = this.#table.get(id);
    if (stream !== undefined) this.#drop(stream);
  }

  windowUpdate(id: number, increment: number): void {
    this.#checkNotIdle(id, 'WINDOW_UPDATE');
    const stream = this.#table.get(id);
    if (stream === undefined) return;
    stream.sendWindow += increment;
    if (increment === 0) this.fault(id, ErrorCode.PROTOCOL_ERROR);
    else if (stream.sendWindow > MAX_WINDOW) this.fault(id, ErrorCode.FLOW_CONTROL_ERROR);
    else this.#writer.resume(stream);
  }

  /** Ends one stream for a fault of the peer. */
  fault(id: number, code: ErrorCode): void {
    this.#pace.take(LIMITS.paceOfReset, this.now);
    this.#reset(id, code);
    const stream = this.#table.get(id);
    if (stream !== undefined) this.#drop(stream);
  }

  respond(
    stream: ServerStream,
    headers: Uint8Array,
    prefix: Uint8Array,
    payload: Uint8Array,
    trailers: Uint8Array,
  ): void {
    if (this.#writer.response(stream, headers, prefix, payload, trailers)) this.endLocal(stream);
  }

  respondHeaders(stream: ServerStream, headers: Uint8Array): void {
    this.#writer.headers(stream.id, headers);
    this.endLocal(stream);
  }

  settle(): void {
    this.#outstanding -= 1;
  }

  /** The response is complete. A peer that is still sending its request is told that nobody needs the rest. */
  endLocal(stream: ServerStream): void {
    stream.isLocalEnded = true;
    if (!stream.isRemoteEnded) {
      this.#reset(stream.id, ErrorCode.NO_ERROR);
      this.#paceWaste(stream);
    }
    this.#table.delete(stream);
  }

  /** Resets the streams whose peer has owed the rest of its request, or room for the response, for too long. */
  sweep(now: number): void {
    for (const stream of this.#table.values()) {
      if (stream.isRemoteEnded && stream.unsent === undefined) continue;
      stream.unfinishedSince ??= now;
      if (now - stream.unfinishedSince >= LIMITS.unfinished) this.fault(stream.id, ErrorCode.CANCEL);
    }
  }

  dropAll(): void {
    for (const stream of this.#table.values()) this.#drop(stream);
  }

  #headerBlock(id: number, endsStream: boolean, bytes: Buffer, start: number, end: number): void {
    if (id <= this.#table.lastId) {
      this.#trailers(id, endsStream, bytes, start, end);
      return;
    }
    this.#table.use(id);
    const request = this.#reader.read(bytes, start, end);
    if (!this.acceptsMore) {
      this.#table.rememberReset(id);
      return;
    }
    this.#lastAcceptedId = id;
    if (request.fault === 'malformed') this.fault(id, ErrorCode.PROTOCOL_ERROR);
    else if (this.#table.size >= LIMITS.concurrentStreams) this.fault(id, ErrorCode.REFUSED_STREAM);
    else if (request.fault !== undefined) {
      this.#pace.take(LIMITS.paceOfLargeHeaders, this.now);
      this.#open(id, endsStream, undefined).respondHeaders(HEADERS_TOO_LARGE);
    } else {
      const stream = this.#open(id, endsStream, request.contentLength);
      stream.receiver = this.#accept(stream, request.head, this.now);
      if (endsStream) this.#endRemote(stream);
    }
  }

  #open(id: number, endsStream: boolean, contentLength: number | undefined): ServerStream {
    const stream = new ServerStream(this, id, this.#writer.initialStreamWindow, contentLength);
    stream.isRemoteEnded = endsStream;
    this.#outstanding += 1;
    this.#table.add(stream);
    return stream;
  }

  #trailers(id: number, endsStream: boolean, bytes: Buffer, start: number, end: number): void {
    const isWellFormed = this.#reader.readTrailers(bytes, start, end);
    const stream = this.#table.get(id);
    if (stream === undefined) {
      if (this.#table.wasResetHere(id)) return;
      const code = this.#table.hasSkippedIds ? ErrorCode.PROTOCOL_ERROR : ErrorCode.STREAM_CLOSED;
      throw new ConnectionError(code, 'HEADERS on a closed stream');
    }
    if (stream.isRemoteEnded) this.fault(id, ErrorCode.STREAM_CLOSED);
    else if (!endsStream || !isWellFormed) this.fault(id, ErrorCode.PROTOCOL_ERROR);
    else this.#endRemote(stream);
  }

  #endRemote(stream: ServerStream): void {
    if (stream.isLocalEnded) return;
    if (stream.contentLength !== undefined && stream.contentLength !== stream.received) {
      this.fault(stream.id, ErrorCode.PROTOCOL_ERROR);
      return;
    }
    stream.isRemoteEnded = true;
    stream.receiver?.end();
  }

  /** Data is handed on at once, so its part of the windows is free at once; it is given back by halves. */
  #acknowledge(length: number): void {
    this.#unacknowledged += length;
    if (this.#unacknowledged < LIMITS.connectionWindow / 2) return;
    this.#writer.windowUpdate(0, this.#unacknowledged);
    this.#unacknowledged = 0;
  }

  #acknowledgeOnStream(stream: ServerStream, length: number): void {
    stream.unacknowledged += length;
    if (stream.unacknowledged < LIMITS.streamWindow / 2) return;
    this.#writer.windowUpdate(stream.id, stream.unacknowledged);
    stream.unacknowledged = 0;
  }

  #checkNotIdle(id: number, type: string): void {
    if (id === 0 || id > this.#table.lastId)
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${type} on an idle stream`);
  }

  #reset(id: number, code: ErrorCode): void {
    this.#writer.reset(id, code);
    this.#table.rememberReset(id);
  }

  #paceWaste({ received }: ServerStream): void {
    this.#pace.take((received / 1024) * LIMITS.paceOfWastedKilobyte, this.now);
  }

  #drop(stream: ServerStream): void {
    if (!stream.isRemoteEnded) this.#paceWaste(stream);
    this.#table.delete(stream);
    this.#writer.forget(stream);
    stream.isLocalEnded = true;
    stream.receiver?.reset();
  }
}

const PRIORITY_LENGTH = 5;

/** Where a payload starts and ends without padding and priority. */
function unwrap(flags: number, bytes: Buffer, start: number, end: number): [start: number, end: number] {
  let from = start;
  let to = end;
  if ((flags & Flag.PADDED) !== 0) {
    if (from >= to) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'padded frame without a length');
    to -= byteAt(bytes, from);
    from += 1;
  }
  if ((flags & Flag.PRIORITY) !== 0) from += PRIORITY_LENGTH;
  if (from > to) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'padding longer than the frame');
  return [from, to];
}
