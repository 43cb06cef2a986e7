import type { ServerStream, Unsent } from '../streams/server-stream.ts';
import { OutputBuffer } from './output-buffer.ts';
import {
  ConnectionError,
  DEFAULT_WINDOW,
  ErrorCode,
  Flag,
  FrameType,
  MAX_FRAME_LENGTH,
  MAX_STREAM_ID,
  MAX_WINDOW,
} from './protocol-constants.ts';

const HEADERS_ONLY = Flag.END_HEADERS | Flag.END_STREAM;

/**
 * Writes frames into the connection's output, and holds bodies back as the peer's windows demand. Frames are never
 * longer than the default largest size, which every peer takes.
 */
export class FrameWriter {
  readonly output = new OutputBuffer();
  readonly #onBodySent: (stream: ServerStream) => void;
  readonly #blocked = new Set<ServerStream>();
  #window = DEFAULT_WINDOW;
  #initialStreamWindow = DEFAULT_WINDOW;

  /** `onBodySent` is told of responses that had to wait and are complete now. */
  constructor(onBodySent: (stream: ServerStream) => void) {
    this.#onBodySent = onBodySent;
  }

  get initialStreamWindow(): number {
    return this.#initialStreamWindow;
  }

  /** Whether the response is complete; otherwise it goes on as the peer opens its windows. */
  response(
    stream: ServerStream,
    headers: Uint8Array,
    prefix: Uint8Array,
    payload: Uint8Array,
    trailers: Uint8Array,
  ): boolean {
    const { output } = this;
    const length = prefix.length + payload.length;
    output.frameHeader(headers.length, FrameType.HEADERS, Flag.END_HEADERS, stream.id);
    output.bytes(headers);
    if (length > this.#window || length > stream.sendWindow || length > MAX_FRAME_LENGTH) {
      const unsent = { body: Buffer.concat([prefix, payload]), trailers, at: 0 };
      stream.unsent = unsent;
      return this.#send(stream, unsent);
    }
    this.#window -= length;
    output.frameHeader(length, FrameType.DATA, 0, stream.id);
    output.bytes(prefix);
    output.bytes(payload);
    this.headers(stream.id, trailers);
    return true;
  }

  /** Headers that end the stream. */
  headers(streamId: number, block: Uint8Array): void {
    this.output.frameHeader(block.length, FrameType.HEADERS, HEADERS_ONLY, streamId);
    this.output.bytes(block);
  }

  forget(stream: ServerStream): void {
    stream.unsent = undefined;
    this.#blocked.delete(stream);
  }

  growWindow(increment: number): void {
    this.#window += increment;
    if (this.#window > MAX_WINDOW)
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'connection window overflow');
    for (const stream of this.#blocked) {
      if (this.#window <= 0) return;
      this.resume(stream);
    }
  }

  /** Sends on after the stream's window has grown. */
  resume(stream: ServerStream): void {
    if (stream.unsent !== undefined && this.#send(stream, stream.unsent)) this.#onBodySent(stream);
  }

  setInitialStreamWindow(size: number, streams: Iterable<ServerStream>): void {
    const change = size - this.#initialStreamWindow;
    this.#initialStreamWindow = size;
    for (const stream of streams) {
      stream.sendWindow += change;
      if (stream.sendWindow > MAX_WINDOW)
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'stream window overflow by SETTINGS');
    }
    for (const stream of [...this.#blocked]) this.resume(stream);
  }

  settings(pairs: readonly (readonly [id: number, value: number])[]): void {
    this.output.frameHeader(pairs.length * 6, FrameType.SETTINGS, 0, 0);
    for (const [id, value] of pairs) {
      this.output.bytes(Uint8Array.of(id >>> 8, id));
      this.output.uint32(value);
    }
  }

  settingsAcknowledgement(): void {
    this.output.frameHeader(0, FrameType.SETTINGS, Flag.ACK, 0);
  }

  ping(flags: number, payload: Uint8Array): void {
    this.output.frameHeader(8, FrameType.PING, flags, 0);
    this.output.bytes(payload);
  }

  windowUpdate(streamId: number, increment: number): void {
    this.output.frameHeader(4, FrameType.WINDOW_UPDATE, 0, streamId);
    this.output.uint32(increment);
  }

  reset(streamId: number, code: ErrorCode): void {
    this.output.frameHeader(4, FrameType.RST_STREAM, 0, streamId);
    this.output.uint32(code);
  }

  goAway(lastStreamId: number, code: ErrorCode, message: string): void {
    const text = Buffer.from(message);
    this.output.frameHeader(8 + text.length, FrameType.GOAWAY, 0, 0);
    this.output.uint32(lastStreamId & MAX_STREAM_ID);
    this.output.uint32(code);
    this.output.bytes(text);
  }

  #send(stream: ServerStream, unsent: Unsent): boolean {
    const { body } = unsent;
    while (unsent.at < body.length) {
      const length = Math.min(this.#window, stream.sendWindow, MAX_FRAME_LENGTH, body.length - unsent.at);
      if (length <= 0) {
        this.#blocked.add(stream);
        return false;
      }
      this.output.frameHeader(length, FrameType.DATA, 0, stream.id);
      this.output.range(body, unsent.at, unsent.at + length);
      this.#window -= length;
      stream.sendWindow -= length;
      unsent.at += length;
    }
    this.headers(stream.id, unsent.trailers);
    this.forget(stream);
    return true;
  }
}
