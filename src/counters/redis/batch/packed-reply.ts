const TIME_BYTES = 7;
const SEQUENCE_BYTES = 7;
/** Time, and one byte: the script found another history than the node has seen (lua/parts/check-history.lua). */
const OTHER_HISTORY_BYTES = 8;

/**
 * Reads the reply of a script from its beginning to its end. Every script replies with big-endian integers without gaps
 * (lua/*.lua, `returns`); the first is the shard's time. Reading past the end throws a RangeError.
 */
export class PackedReply {
  #bytes: Buffer;
  #position = TIME_BYTES;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The shard's time in µs since 1970. */
  get timeMicros(): number {
    return this.#uint56At(0);
  }

  /** Whether the script ran past its not-after. Then it executed nothing, and the reply contains only the time. */
  get isLate(): boolean {
    return this.#bytes.length === TIME_BYTES;
  }

  /** Whether the server has another history than the node has seen. Then the script executed nothing. */
  get isOfOtherHistory(): boolean {
    return this.#bytes.length === OTHER_HISTORY_BYTES;
  }

  /** Removes the sequence from the end of the reply, and returns it. 0: the script changed nothing, or has no sequence. */
  takeSequence(): number {
    const end = this.#bytes.length - SEQUENCE_BYTES;
    const sequence = this.#uint56At(end);
    this.#bytes = this.#bytes.subarray(0, end);
    return sequence;
  }

  readUint24(): number {
    const position = this.#advance(3);
    return this.#bytes.readUIntBE(position, 3);
  }

  readInt48(): number {
    const position = this.#advance(6);
    return this.#bytes.readIntBE(position, 6);
  }

  readUint56(): number {
    return this.#uint56At(this.#advance(7));
  }

  /** Reads a text of `length` bytes. */
  readText(length: number): string {
    const position = this.#advance(length);
    return this.#bytes.toString('utf8', position, position + length);
  }

  get isFullyRead(): boolean {
    return this.#position >= this.#bytes.length;
  }

  /** Throws when the reply is longer than what was read: then it may belong to other decisions. */
  assertFullyRead(): void {
    const { length } = this.#bytes;
    if (this.#position !== length) throw new Error(`Redis reply: must be ${this.#position} bytes long (got ${length})`);
  }

  #advance(bytes: number): number {
    const position = this.#position;
    this.#position += bytes;
    return position;
  }

  #uint56At(position: number): number {
    return this.#bytes.readUInt8(position) * 2 ** 48 + this.#bytes.readUIntBE(position + 1, 6);
  }
}
