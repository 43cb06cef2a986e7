import { MESSAGE_PREFIX_LENGTH } from '../transport/grpc-http2/message-assembly.ts';
import { GrpcStatus } from '../transport/unary-call.ts';

const INITIAL_CAPACITY = 1024;

/** A stream that cannot be read any further. Its message is for the peer. */
export class UnreadableStream extends Error {
  override readonly name = 'UnreadableStream';
  readonly status: GrpcStatus;

  constructor(status: GrpcStatus, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Splits the bytes of a gRPC stream into its messages. Its buffer grows with the bytes that have arrived, not with the
 * length that a prefix announces.
 */
export class MessageReader {
  readonly #maxLength: number;
  #buffer = Buffer.alloc(0);
  #length = 0;

  /** `maxLength` is that of a message, in bytes. */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** Bytes of memory that an unfinished message takes. 0: there is none. */
  get heldBytes(): number {
    return this.#buffer.length;
  }

  /** Returns the messages that the bytes complete. They are valid until the next call. Throws UnreadableStream. */
  add(bytes: Buffer): readonly Buffer[] {
    const available = this.#length === 0 ? bytes : this.#append(bytes);
    const messages: Buffer[] = [];
    let offset = 0;
    for (;;) {
      const end = this.#findEnd(available, offset);
      if (end === undefined || end > available.length) break;
      messages.push(available.subarray(offset + MESSAGE_PREFIX_LENGTH, end));
      offset = end;
    }
    this.#keep(available.subarray(offset));
    return messages;
  }

  /** Where the message at `offset` ends. undefined: its prefix is incomplete. */
  #findEnd(bytes: Buffer, offset: number): number | undefined {
    if (bytes.length - offset < MESSAGE_PREFIX_LENGTH) return undefined;
    if (bytes.readUInt8(offset) !== 0) {
      throw new UnreadableStream(GrpcStatus.UNIMPLEMENTED, 'grpc-encoding: messages must not be compressed');
    }
    const length = bytes.readUInt32BE(offset + 1);
    if (length > this.#maxLength) {
      throw new UnreadableStream(GrpcStatus.RESOURCE_EXHAUSTED, `messages must be at most ${this.#maxLength} bytes`);
    }
    return offset + MESSAGE_PREFIX_LENGTH + length;
  }

  #append(bytes: Buffer): Buffer {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    bytes.copy(this.#buffer, this.#length);
    this.#length = length;
    return this.#buffer.subarray(0, length);
  }

  /** Keeps a copy of the rest: it may be a few bytes of a large buffer. */
  #keep(rest: Buffer): void {
    if (rest.length > 0 && rest.length === this.#length) return; // nothing was completed
    this.#length = rest.length;
    const kept = rest.length === 0 ? Buffer.alloc(0) : Buffer.allocUnsafeSlow(Math.max(rest.length, INITIAL_CAPACITY));
    rest.copy(kept);
    this.#buffer = kept;
  }
}
