import { readUint8, readUint32 } from '../http2/frames/read-uint.ts';

/** Bytes in front of each message: the compressed flag and the length of the message. */
export const MESSAGE_PREFIX_LENGTH = 5;
const INITIAL_CAPACITY = 256;

/** The state of the message after a piece was added. */
export type AssemblyState = 'partial' | 'complete' | 'too-large' | 'more-than-one';

/**
 * Assembles the message of a unary call that arrives in pieces. Its buffer grows with the bytes that have arrived, not
 * with the length that the prefix announces.
 */
export class MessageAssembly {
  readonly #maxLength: number;
  #buffer = Buffer.allocUnsafe(INITIAL_CAPACITY);
  #length = 0;

  /** `maxLength` is that of the message without its prefix, in bytes. */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** Bytes of memory that the buffer takes. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /** Whether the message is compressed. Valid once it is complete. */
  get isCompressed(): boolean {
    return readUint8(this.#buffer, 0) === 1;
  }

  /** The message without its prefix. Valid once it is complete. */
  get message(): Buffer {
    return this.#buffer.subarray(MESSAGE_PREFIX_LENGTH, this.#length);
  }

  /** Adds the piece of `bytes` from `start` to `end`. */
  add(bytes: Buffer, start: number, end: number): AssemblyState {
    this.#reserve(this.#length + end - start);
    this.#length += bytes.copy(this.#buffer, this.#length, start, end);
    if (this.#length < MESSAGE_PREFIX_LENGTH) return 'partial';
    const expectedLength = MESSAGE_PREFIX_LENGTH + readUint32(this.#buffer, 1);
    if (expectedLength > MESSAGE_PREFIX_LENGTH + this.#maxLength) return 'too-large';
    if (this.#length > expectedLength) return 'more-than-one';
    return this.#length === expectedLength ? 'complete' : 'partial';
  }

  #reserve(length: number): void {
    if (length <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(length, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

const sharedPrefix = Buffer.alloc(MESSAGE_PREFIX_LENGTH);

/** Encodes the prefix of an uncompressed message. The result is valid until the next call, which reuses its memory. */
export function encodePrefix(message: Uint8Array): Uint8Array {
  sharedPrefix.writeUInt32BE(message.length, 1);
  return sharedPrefix;
}
