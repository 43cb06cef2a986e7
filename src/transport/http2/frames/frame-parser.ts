import { ConnectionError, ErrorCode } from '../connection-error.ts';
import { FRAME_HEADER_LENGTH, MAX_FRAME_SIZE } from './protocol-constants.ts';
import { readUint8, readUint24, readUint31 } from './read-uint.ts';

/** Receives the frames that a FrameParser finds. */
export interface FrameHandler {
  /** Handles one frame. Its payload is `bytes` from `start` to `end`; nothing writes to these bytes afterwards. */
  handleFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void;
}

/** Splits the received bytes into frames. Copies only a frame that arrives in several reads. */
export class FrameParser {
  readonly #handler: FrameHandler;
  #partialFrame: Buffer | undefined;
  /** Bytes of `#partialFrame` that have arrived. */
  #partialLength = 0;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /**
   * The frame that has arrived only in part; undefined: no frame is incomplete. Each frame is another object, so a
   * caller can tell whether it still waits for the same one.
   */
  get partialFrame(): object | undefined {
    return this.#partialFrame;
  }

  /**
   * Passes each complete frame to the handler, beginning at offset `start` of `bytes`. Keeps a copy of the incomplete
   * rest. Throws a ConnectionError when a frame is too long.
   */
  parse(bytes: Buffer, start: number): void {
    let offset =
      this.#partialFrame === undefined ? start : this.#continuePartialFrame(this.#partialFrame, bytes, start);
    const end = bytes.length;
    while (end - offset >= FRAME_HEADER_LENGTH) {
      const frameEnd = offset + FRAME_HEADER_LENGTH + readPayloadLength(bytes, offset);
      if (frameEnd > end) break;
      this.#handler.handleFrame(
        readUint8(bytes, offset + 3),
        readUint8(bytes, offset + 4),
        readUint31(bytes, offset + 5),
        bytes,
        offset + FRAME_HEADER_LENGTH,
        frameEnd,
      );
      offset = frameEnd;
    }
    if (offset < end) this.#keepPartialFrame(bytes, offset);
  }

  #keepPartialFrame(bytes: Buffer, start: number): Buffer {
    const hasHeader = bytes.length - start >= FRAME_HEADER_LENGTH;
    const partial = Buffer.allocUnsafeSlow(FRAME_HEADER_LENGTH + (hasHeader ? readPayloadLength(bytes, start) : 0));
    this.#partialLength = bytes.copy(partial, 0, start);
    this.#partialFrame = partial;
    return partial;
  }

  /** Returns the offset in `bytes` at which the partial frame ends, or `bytes.length` when it is still incomplete. */
  #continuePartialFrame(partial: Buffer, bytes: Buffer, start: number): number {
    const copied = bytes.copy(partial, this.#partialLength, start);
    this.#partialLength += copied;
    const offset = start + copied;
    if (this.#partialLength < partial.length) return offset;
    const isHeaderOnly = partial.length === FRAME_HEADER_LENGTH && readPayloadLength(partial, 0) > 0;
    if (isHeaderOnly) return this.#continuePartialFrame(this.#keepPartialFrame(partial, 0), bytes, offset);
    this.#partialFrame = undefined;
    this.parse(partial, 0);
    return offset;
  }
}

function readPayloadLength(bytes: Buffer, offset: number): number {
  const length = readUint24(bytes, offset);
  if (length > MAX_FRAME_SIZE)
    throw new ConnectionError(
      ErrorCode.FRAME_SIZE_ERROR,
      `frame payload: must be at most ${MAX_FRAME_SIZE} bytes (got ${length})`,
    );
  return length;
}
