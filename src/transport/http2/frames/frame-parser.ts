import { byteAt, uint24At, uint31At } from './read-uint.ts';
import { ConnectionError, ErrorCode, FRAME_HEADER_LENGTH, MAX_FRAME_LENGTH } from './protocol-constants.ts';

/** Takes one frame; its payload is `bytes` from `start` to `end`, and is never written to again. */
export interface FrameHandler {
  takeFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void;
}

/** Cuts what arrives into frames; only a frame that is split over arrivals is copied. */
export class FrameParser {
  readonly #taker: FrameHandler;
  #partial: Buffer | undefined;
  #filled = 0;

  constructor(taker: FrameHandler) {
    this.#taker = taker;
  }

  /** The frame of which a part has come; another object when it is another frame. */
  get partial(): object | undefined {
    return this.#partial;
  }

  split(bytes: Buffer, start: number): void {
    let at = this.#partial === undefined ? start : this.#complete(this.#partial, bytes, start);
    const end = bytes.length;
    while (end - at >= FRAME_HEADER_LENGTH) {
      const next = at + FRAME_HEADER_LENGTH + payloadLength(bytes, at);
      if (next > end) break;
      this.#taker.takeFrame(
        byteAt(bytes, at + 3),
        byteAt(bytes, at + 4),
        uint31At(bytes, at + 5),
        bytes,
        at + FRAME_HEADER_LENGTH,
        next,
      );
      at = next;
    }
    if (at < end) this.#keep(bytes, at);
  }

  #keep(bytes: Buffer, at: number): Buffer {
    const isHeaderComplete = bytes.length - at >= FRAME_HEADER_LENGTH;
    const partial = Buffer.allocUnsafeSlow(FRAME_HEADER_LENGTH + (isHeaderComplete ? payloadLength(bytes, at) : 0));
    this.#filled = bytes.copy(partial, 0, at);
    this.#partial = partial;
    return partial;
  }

  /** Where in `bytes` the kept frame ends; bytes.length while it is not complete. */
  #complete(partial: Buffer, bytes: Buffer, start: number): number {
    const taken = bytes.copy(partial, this.#filled, start);
    this.#filled += taken;
    const next = start + taken;
    if (this.#filled < partial.length) return next;
    const isOnlyHeader = partial.length === FRAME_HEADER_LENGTH && payloadLength(partial, 0) > 0;
    if (isOnlyHeader) return this.#complete(this.#keep(partial, 0), bytes, next);
    this.#partial = undefined;
    this.split(partial, 0);
    return next;
  }
}

function payloadLength(bytes: Buffer, at: number): number {
  const length = uint24At(bytes, at);
  if (length > MAX_FRAME_LENGTH) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'frame above the largest size');
  return length;
}
