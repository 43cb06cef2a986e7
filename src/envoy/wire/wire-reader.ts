/** Wire types of protobuf (https://protobuf.dev/programming-guides/encoding/). */
export const VARINT = 0;
const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** Lower-case names by their length, which tells of nearly all other strings that they are none of them. */
export type NamesByLength = readonly (readonly { readonly name: Buffer; readonly index: number }[] | undefined)[];

/** `undefined` keeps its place free: no string is at its index. */
export function namesByLength(names: readonly (string | undefined)[]): NamesByLength {
  const byLength: { name: Buffer; index: number }[][] = [];
  for (const [index, text] of names.entries()) {
    if (text === undefined) continue;
    const name = Buffer.from(text);
    const ofLength = byLength[name.length];
    if (ofLength === undefined) byLength[name.length] = [{ name, index }];
    else ofLength.push({ name, index });
  }
  return Array.from(byLength); // without holes, which are slow to read
}

/**
 * Walks over a protobuf message without making objects of what is not asked for. Stricter than generated decoders: a
 * nested message must end where its length says, and groups, which proto3 does not have, are refused.
 * Every method throws RangeError on bytes that are no well-formed message.
 */
export class WireReader {
  readonly #bytes: Buffer;
  #position = 0;
  #end: number;
  /** Field number and wire type of the tag that `next` has read last. */
  field = 0;
  wireType = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.length;
  }

  /** Reads the next tag; false at the end of the message. What it announces must then be read or skipped. */
  next(): boolean {
    if (this.#position >= this.#end) return false;
    const tag = this.varint();
    this.field = tag >>> 3;
    this.wireType = tag & 7;
    if (this.field === 0) throw new RangeError('field number 0');
    return true;
  }

  /** Whether the field is this one in the wire type that its definition demands; else it is unknown and to be skipped. */
  is(field: number, wireType: number): boolean {
    return this.field === field && this.wireType === wireType;
  }

  /** The low 32 bits of a varint, unsigned. */
  varint(): number {
    // Nearly all tags and lengths are of one byte.
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

  /** A varint of up to 64 bits; exact up to 2^53. */
  varint64(): number {
    let value = 0;
    for (let index = 0, unit = 1; index < 10 && this.#position < this.#end; index++, unit *= 128) {
      const byte = this.#bytes[this.#position++] ?? 0;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a varint does not end');
  }

  /** Goes into a nested message; give what it returns to `leave` once `next` has said false. */
  enter(): number {
    const outerEnd = this.#end;
    const length = this.#length();
    this.#end = this.#position + length;
    return outerEnd;
  }

  leave(outerEnd: number): void {
    this.#end = outerEnd;
  }

  /** A string field; invalid UTF-8 becomes U+FFFD. */
  text(): string {
    const length = this.#length();
    const start = this.#position;
    this.#position += length;
    return this.#bytes.toString('utf8', start, this.#position);
  }

  skip(): void {
    if (this.wireType === VARINT) this.varint();
    else if (this.wireType === LENGTH_DELIMITED) this.#advance(this.varint());
    else if (this.wireType === FIXED64) this.#advance(8);
    else if (this.wireType === FIXED32) this.#advance(4);
    else throw new RangeError(`wire type ${this.wireType}`);
  }

  /** Where the reader stands: the start of the value of the field that `next` has read. */
  get position(): number {
    return this.#position;
  }

  /** The string field whose value starts at a position that the reader has passed. */
  textAt(position: number): string {
    const here = this.#position;
    this.#position = position;
    const text = this.text();
    this.#position = here;
    return text;
  }

  /**
   * Which of `names` the string field at a position holds, in any case of letters, without making a string
   * of it; -1 for none of them.
   */
  oneOfAt(position: number, names: NamesByLength): number {
    const here = this.#position;
    this.#position = position;
    const length = this.#length();
    const start = this.#position;
    this.#position = here;
    const ofLength = length < names.length ? names[length] : undefined;
    if (ofLength === undefined) return -1;
    for (let place = 0; place < ofLength.length; place++) {
      const each = ofLength[place];
      if (each !== undefined && this.#matches(each.name, start)) return each.index;
    }
    return -1;
  }

  /** The byte at a position that the reader has passed. */
  byteAt(position: number): number {
    return this.#bytes[position] ?? 0;
  }

  #matches(name: Buffer, start: number): boolean {
    for (let offset = 0; offset < name.length; offset++) {
      const byte = this.#bytes[start + offset] ?? 0;
      const lowerCase = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
      if (lowerCase !== name[offset]) return false;
    }
    return true;
  }

  #length(): number {
    const length = this.varint();
    if (length > this.#end - this.#position) throw new RangeError('a length beyond the end');
    return length;
  }

  #advance(bytes: number): void {
    if (bytes > this.#end - this.#position) throw new RangeError('a value beyond the end');
    this.#position += bytes;
  }
}
