const TIME_BYTES = 7;
const GRANTED_BYTES = 3;
const FREE_BYTES = 6;

/** Reads a script's reply (charge-script.ts and give-back-script.ts, `returns`) from its beginning to its end. */
export class PackedReply {
  readonly #bytes: Buffer;
  #position = TIME_BYTES;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The shard's time in µs. */
  get timeMicros(): number {
    return this.#uint56(0);
  }

  /** The batch came past its not-after: nothing of it was executed, and nothing else is in the reply. */
  get isLate(): boolean {
    return this.#bytes.length === TIME_BYTES;
  }

  readUint24(): number {
    this.#position += GRANTED_BYTES;
    return this.#bytes.readUIntBE(this.#position - GRANTED_BYTES, GRANTED_BYTES);
  }

  /** Hits that are free; of a charge's state it may be below 0. */
  readInt48(): number {
    this.#position += FREE_BYTES;
    return this.#bytes.readIntBE(this.#position - FREE_BYTES, FREE_BYTES);
  }

  /** µs. */
  readUint56(): number {
    this.#position += TIME_BYTES;
    return this.#uint56(this.#position - TIME_BYTES);
  }

  #uint56(position: number): number {
    return this.#bytes.readUInt8(position) * 2 ** 48 + this.#bytes.readUIntBE(position + 1, 6);
  }
}
