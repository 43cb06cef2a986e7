import { ConnectionError, ErrorCode } from '../connection-error.ts';
import type { FrameWriter } from '../frames/frame-writer.ts';
import { DEFAULT_WINDOW_SIZE, Flag, FrameType, MAX_FRAME_SIZE, MAX_WINDOW_SIZE } from '../frames/protocol-constants.ts';
import type { PendingBody, ServerStream } from './server-stream.ts';

/**
 * Sends responses as far as the peer's flow-control windows allow, and holds the rest of a body back until they open.
 * Its frames are never longer than the default of SETTINGS_MAX_FRAME_SIZE, which every peer accepts.
 */
export class ResponseSender {
  readonly #writer: FrameWriter;
  readonly #onDelayedResponseSent: (stream: ServerStream) => void;
  readonly #blockedStreams = new Set<ServerStream>();
  #connectionWindow = DEFAULT_WINDOW_SIZE;
  #initialStreamWindow = DEFAULT_WINDOW_SIZE;

  /** `onDelayedResponseSent` is called when a response that had to wait for the windows is complete. */
  constructor(writer: FrameWriter, onDelayedResponseSent: (stream: ServerStream) => void) {
    this.#writer = writer;
    this.#onDelayedResponseSent = onDelayedResponseSent;
  }

  get initialStreamWindow(): number {
    return this.#initialStreamWindow;
  }

  /**
   * Sends a response. Returns whether it is complete. If it is not, the rest of the body follows as the peer opens its
   * windows.
   */
  send(
    stream: ServerStream,
    headers: Uint8Array,
    prefix: Uint8Array,
    payload: Uint8Array,
    trailers: Uint8Array,
  ): boolean {
    const { output } = this.#writer;
    const length = prefix.length + payload.length;
    output.writeFrameHeader(headers.length, FrameType.HEADERS, Flag.END_HEADERS, stream.id);
    output.writeBytes(headers);
    if (length > this.#connectionWindow || length > stream.sendWindow || length > MAX_FRAME_SIZE) {
      const body = { bytes: Buffer.concat([prefix, payload]), sentLength: 0, trailers };
      stream.pendingBody = body;
      return this.#sendBody(stream, body);
    }
    this.#connectionWindow -= length;
    output.writeFrameHeader(length, FrameType.DATA, 0, stream.id);
    output.writeBytes(prefix);
    output.writeBytes(payload);
    this.#writer.writeFinalHeaders(stream.id, trailers);
    return true;
  }

  /** Continues a stalled response after the stream's window has grown. */
  resume(stream: ServerStream): void {
    if (stream.pendingBody !== undefined && this.#sendBody(stream, stream.pendingBody)) {
      this.#onDelayedResponseSent(stream);
    }
  }

  /** Drops the rest of a response: its stream is gone. */
  forget(stream: ServerStream): void {
    stream.pendingBody = undefined;
    this.#blockedStreams.delete(stream);
  }

  /** Applies a WINDOW_UPDATE of the connection. */
  growConnectionWindow(increment: number): void {
    this.#connectionWindow += increment;
    if (this.#connectionWindow > MAX_WINDOW_SIZE)
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'connection window: must be at most 2^31-1');
    for (const stream of this.#blockedStreams) {
      if (this.#connectionWindow <= 0) return;
      this.resume(stream);
    }
  }

  /** Applies SETTINGS_INITIAL_WINDOW_SIZE, which also changes the windows of the open streams by the difference. */
  setInitialStreamWindow(size: number, openStreams: Iterable<ServerStream>): void {
    const change = size - this.#initialStreamWindow;
    this.#initialStreamWindow = size;
    for (const stream of openStreams) {
      stream.sendWindow += change;
      if (stream.sendWindow > MAX_WINDOW_SIZE)
        throw new ConnectionError(
          ErrorCode.FLOW_CONTROL_ERROR,
          'SETTINGS_INITIAL_WINDOW_SIZE: must not raise a stream window above 2^31-1',
        );
    }
    for (const stream of [...this.#blockedStreams]) this.resume(stream);
  }

  /** Sends as much of the body as the windows allow. Returns whether the response is complete. */
  #sendBody(stream: ServerStream, body: PendingBody): boolean {
    const { output } = this.#writer;
    const { bytes } = body;
    while (body.sentLength < bytes.length) {
      const rest = bytes.length - body.sentLength;
      const length = Math.min(this.#connectionWindow, stream.sendWindow, MAX_FRAME_SIZE, rest);
      if (length <= 0) {
        this.#blockedStreams.add(stream);
        return false;
      }
      output.writeFrameHeader(length, FrameType.DATA, 0, stream.id);
      output.writeRange(bytes, body.sentLength, body.sentLength + length);
      this.#connectionWindow -= length;
      stream.sendWindow -= length;
      body.sentLength += length;
    }
    this.#writer.writeFinalHeaders(stream.id, body.trailers);
    this.forget(stream);
    return true;
  }
}
