import { ConnectionError, ErrorCode } from '../connection-error.ts';
import { CONNECTION_LIMITS } from '../connection-limits.ts';

/** A header block that began without END_HEADERS and continues in CONTINUATION frames (RFC 9113, section 6.10). */
export class HeaderBlockAssembly {
  readonly streamId: number;
  readonly endsStream: boolean;
  readonly #fragments: Buffer[];
  #length: number;

  constructor(streamId: number, endsStream: boolean, bytes: Buffer, start: number, end: number) {
    this.streamId = streamId;
    this.endsStream = endsStream;
    this.#fragments = [bytes.subarray(start, end)];
    this.#length = end - start;
  }

  /** Adds the fragment of a CONTINUATION frame. Throws a ConnectionError when the block is too long: it is a flood. */
  add(bytes: Buffer, start: number, end: number): void {
    this.#fragments.push(bytes.subarray(start, end));
    this.#length += end - start;
    const { maxHeaderBlockBytes, maxContinuationFrames } = CONNECTION_LIMITS;
    if (this.#length > maxHeaderBlockBytes || this.#fragments.length > maxContinuationFrames + 1)
      throw new ConnectionError(
        ErrorCode.ENHANCE_YOUR_CALM,
        `header block: must have at most ${maxHeaderBlockBytes} bytes and ${maxContinuationFrames} CONTINUATION frames`,
      );
  }

  join(): Buffer {
    return Buffer.concat(this.#fragments, this.#length);
  }
}
