import { ConnectionError, ErrorCode } from '../frames/protocol-constants.ts';
import { LIMITS } from '../connection-limits.ts';

/** A header block that goes on in CONTINUATION frames. */
export class HeaderBlock {
  readonly streamId: number;
  readonly endsStream: boolean;
  readonly #parts: Buffer[];
  #length: number;

  constructor(streamId: number, endsStream: boolean, bytes: Buffer, start: number, end: number) {
    this.streamId = streamId;
    this.endsStream = endsStream;
    this.#parts = [bytes.subarray(start, end)];
    this.#length = end - start;
  }

  /** Takes a CONTINUATION frame; a flood of them ends the connection. */
  add(bytes: Buffer, start: number, end: number): void {
    this.#parts.push(bytes.subarray(start, end));
    this.#length += end - start;
    if (this.#length > LIMITS.headerBlockLength || this.#parts.length > LIMITS.continuationFrames + 1)
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'header block too long');
  }

  join(): Buffer {
    return Buffer.concat(this.#parts, this.#length);
  }
}
