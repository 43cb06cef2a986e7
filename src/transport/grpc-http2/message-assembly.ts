import { byteAt, uint32At } from '../http2/frames/read-uint.ts';

/** A decision's request is a few KB; nobody may make us hold more than this for one. */
export const MAX_MESSAGE_LENGTH = 1024 * 1024;
/** Flag and length in front of each message. */
export const PREFIX_LENGTH = 5;
const FIRST_CAPACITY = 256;

export type Assembled = 'partial' | 'complete' | 'too-large' | 'more-than-one';

/** Puts the one message of a unary call together when it comes in pieces; it grows with what has come, not with what is announced. */
export class MessageAssembly {
  #bytes = Buffer.allocUnsafe(FIRST_CAPACITY);
  #length = 0;

  /** Bytes of memory held. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** Once complete. */
  get isCompressed(): boolean {
    return byteAt(this.#bytes, 0) === 1;
  }

  /** Once complete. */
  get message(): Buffer {
    return this.#bytes.subarray(PREFIX_LENGTH, this.#length);
  }

  add(bytes: Buffer, start: number, end: number): Assembled {
    this.#reserve(this.#length + end - start);
    this.#length += bytes.copy(this.#bytes, this.#length, start, end);
    if (this.#length < PREFIX_LENGTH) return 'partial';
    const expected = PREFIX_LENGTH + uint32At(this.#bytes, 1);
    if (expected > PREFIX_LENGTH + MAX_MESSAGE_LENGTH) return 'too-large';
    if (this.#length > expected) return 'more-than-one';
    return this.#length === expected ? 'complete' : 'partial';
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(length, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

const sharedPrefix = Buffer.alloc(PREFIX_LENGTH);

/** The prefix of an uncompressed message; it holds until the next call. */
export function prefixOf(message: Uint8Array): Uint8Array {
  sharedPrefix.writeUInt32BE(message.length, 1);
  return sharedPrefix;
}
