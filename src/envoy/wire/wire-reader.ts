import type { NameTable } from './name-table.ts';

/** Wire types of protobuf (https://protobuf.dev/programming-guides/encoding/). */
export const VARINT = 0;
const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/**
 * Walks over a protobuf message and creates objects only for the fields that the caller reads. It is stricter than
 * generated decoders: a nested message must end where its length says, and groups, which proto3 does not have, are
 * rejected. Every method throws RangeError on bytes that are not a well-formed message.
 */
export class WireReader {
  readonly #bytes: Buffer;
  #position = 0;
  /** End of the message that the reader is in, which may be a nested one. */
  #end: number;
  /** Field number of the tag that `nextField` read last. */
  field = 0;
  /** Wire type of the tag that `nextField` read last. */
  wireType = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.length;
  }

  /** Reads the next tag; returns false at the end of the message. The caller must then read or skip the field. */
  nextField(): boolean {
    if (this.#position >= this.#end) return false;
    const tag = this.readVarint32();
    this.field = tag >>> 3;
    this.wireType = tag & 7;
    if (this.field === 0) throw new RangeError('field number 0');
    return true;
  }

  /**
   * Whether the current field has this number and the wire type that its definition requires. With another wire type
   * the field is unknown, and the caller must skip it.
   */
  isField(field: number, wireType: number): boolean {
    return this.field === field && this.wireType === wireType;
  }

  /** Reads a varint and returns its low 32 bits, unsigned. */
  readVarint32(): number {
    // Nearly all tags and lengths take one byte.
    const first = this.#bytes[this.#position] ?? 0x80;
    if (first < 0x80 && this.#position < this.#end) {
      this.#position++;
      return first;
    }
    let value = 0;
    for (let shift = 0; shift < 70 && this.#position < this.#end; shift += 7) {
      const byte = this.#bytes[this.#position++] ?? 0;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError('a varint does not end');
  }

  /** Reads a varint of up to 64 bits; exact up to 2^53. */
  readVarint64(): number {
    let value = 0;
    for (let index = 0, unit = 1; index < 10 && this.#position < this.#end; index++, unit *= 128) {
      const byte = this.#bytes[this.#position++] ?? 0;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a varint does not end');
  }

  /** Enters a nested message. Pass the result to `leaveMessage` once `nextField` has returned false. */
  enterMessage(): number {
    const outerEnd = this.#end;
    const length = this.#readLength();
    this.#end = this.#position + length;
    return outerEnd;
  }

  leaveMessage(outerEnd: number): void {
    this.#end = outerEnd;
  }

  /** Reads a string field; invalid UTF-8 becomes U+FFFD. */
  readString(): string {
    const length = this.#readLength();
    const start = this.#position;
    this.#position += length;
    return this.#bytes.toString('utf8', start, this.#position);
  }

  /** Reads a bytes field as a string with one character for each byte, for instance as the key of a cache. */
  readLatin1(): string {
    const length = this.#readLength();
    const start = this.#position;
    this.#position += length;
    return this.#bytes.toString('latin1', start, this.#position);
  }

  skipField(): void {
    if (this.wireType === VARINT) this.readVarint32();
    else if (this.wireType === LENGTH_DELIMITED) this.#advance(this.readVarint32());
    else if (this.wireType === FIXED64) this.#advance(8);
    else if (this.wireType === FIXED32) this.#advance(4);
    else throw new RangeError(`wire type ${this.wireType}`);
  }

  /** Position of the next unread byte. After `nextField` that is the start of the field's value. */
  get position(): number {
    return this.#position;
  }

  /** Reads the string field whose value starts at `position`, which the reader has already passed. */
  readStringAt(position: number): string {
    const returnTo = this.#position;
    this.#position = position;
    const text = this.readString();
    this.#position = returnTo;
    return text;
  }

  /**
   * Finds the string field at `position` in `names`, ignoring the case of letters and without creating a string.
   * Returns the name's index, or -1.
   */
  findNameAt(position: number, names: NameTable): number {
    const returnTo = this.#position;
    this.#position = position;
    const length = this.#readLength();
    const start = this.#position;
    this.#position = returnTo;
    const candidates = length < names.length ? names[length] : undefined;
    if (candidates === undefined) return -1;
    for (let index = 0; index < candidates.length; index++) {
      const candidate = candidates[index];
      if (candidate !== undefined && this.#matchesAt(start, candidate.name)) return candidate.index;
    }
    return -1;
  }

  /** The byte at a position that the reader has passed; 0 beyond the end. */
  byteAt(position: number): number {
    return this.#bytes[position] ?? 0;
  }

  #matchesAt(start: number, name: Buffer): boolean {
    for (let offset = 0; offset < name.length; offset++) {
      const byte = this.#bytes[start + offset] ?? 0;
      const lowerCase = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
      if (lowerCase !== name[offset]) return false;
    }
    return true;
  }

  #readLength(): number {
    const length = this.readVarint32();
    if (length > this.#end - this.#position) throw new RangeError('a length beyond the end');
    return length;
  }

  #advance(bytes: number): void {
    if (bytes > this.#end - this.#position) throw new RangeError('a value beyond the end');
    this.#position += bytes;
  }
}
