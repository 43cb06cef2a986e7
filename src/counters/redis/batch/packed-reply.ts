const TIME_BYTES = 7;

/**
 * Reads the reply of a script from its beginning to its end. Every script replies with big-endian integers without gaps
 * (lua/*.lua, `returns`); the first is the shard's time. Reading past the end throws a RangeError.
 */
export class PackedReply {
  readonly #bytes: Buffer;
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
