const FIRST_SIZE = 4096;
const ZERO = '0'.charCodeAt(0);
/** Below that a loop is faster than the call of TypedArray.prototype.set. */
const SHORT_COPY = 48;
/** Division of what is below is one of whole numbers. */
const INT32 = 2 ** 31;
export const DOUBLE_BYTES = 8;

/**
 * Writes one protobuf message after another, each from its end to its beginning: a nested message's length is known
 * when its tag is written, so nothing is measured beforehand or moved afterwards. Hence the fields are written in
 * reverse order. Every message is made in the same memory.
 */
export class WireWriter {
  #buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  #start = FIRST_SIZE;

  /** Begins the next message; the bytes of the one before are no longer valid. */
  begin(): void {
    this.#start = this.#buffer.length;
  }

  /** The message; valid until the next `begin`. */
  finish(): Uint8Array {
    return this.#buffer.subarray(this.#start);
  }

  /** Where a nested message ends; give it to `nested` once its fields are written. */
  end(): number {
    return this.#buffer.length - this.#start;
  }

  nested(field: number, end: number): void {
    this.#varint(this.#buffer.length - this.#start - end);
    this.#varint((field << 3) | 2);
  }

  /** A whole number from 0 to 2^53; 0 is left out, as proto3 does. */
  number(field: number, value: number): void {
    if (value === 0) return;
    this.#varint(value);
    this.#varint(field << 3);
  }

  /** A whole number of a oneof: 0 is there too. */
  oneofNumber(field: number, value: number): void {
    this.#varint(value);
    this.#varint(field << 3);
  }

  /** A double; 0 is there too, as a oneof's. */
  double(field: number, value: number): void {
    this.doubleValue(value);
    this.#varint((field << 3) | 1);
  }

  /** A double whose tag follows by `encoded`. */
  doubleValue(value: number): void {
    this.#reserve(DOUBLE_BYTES);
    this.#start -= DOUBLE_BYTES;
    this.#buffer.writeDoubleLE(value, this.#start);
  }

  /** A string; the empty one is left out, as proto3 does. */
  text(field: number, text: string): void {
    if (text === '') return;
    const end = this.end();
    this.#reserve(text.length * 3); // UTF-8 takes at most three bytes for a UTF-16 unit
    let start = this.#start;
    for (let index = text.length - 1; index >= 0; index--) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) {
        this.#anyText(field, text, end);
        return;
      }
      this.#buffer[--start] = unit;
    }
    this.#start = start;
    this.nested(field, end);
  }

  /** A part of a string whose tag follows by `nested`: ASCII text. */
  ascii(text: string): void {
    this.#reserve(text.length);
    for (let index = text.length - 1; index >= 0; index--) this.#buffer[--this.#start] = text.charCodeAt(index);
  }

  /** Likewise: the decimal digits of a whole number from 0 to 2^53. */
  digits(value: number): void {
    this.#reserve(16);
    let start = this.#start;
    let rest = value;
    while (rest >= 10) {
      const quotient = rest < INT32 ? (rest / 10) | 0 : Math.floor(rest / 10);
      this.#buffer[--start] = ZERO + (rest - quotient * 10);
      rest = quotient;
    }
    this.#buffer[--start] = ZERO + rest;
    this.#start = start;
  }

  /** Writes the digits of a number, which has so many, over those that stand at these places from the start on. */
  digitsAt(places: readonly number[], count: number, value: number): void {
    let rest = value;
    for (let digit = count - 1; digit >= 0; digit--) {
      const quotient = rest < INT32 ? (rest / 10) | 0 : Math.floor(rest / 10);
      const code = ZERO + (rest - quotient * 10);
      for (let index = 0; index < places.length; index++) {
        this.#buffer[this.#start + (places[index] ?? 0) + digit] = code;
      }
      rest = quotient;
    }
  }

  /** Bytes that were written before, as they are. */
  encoded(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#reserve(length);
    this.#start -= length;
    if (length > SHORT_COPY) this.#buffer.set(bytes, this.#start);
    else for (let index = 0; index < length; index++) this.#buffer[this.#start + index] = bytes[index] ?? 0;
  }

  #anyText(field: number, text: string, end: number): void {
    const length = Buffer.byteLength(text);
    this.#start -= length;
    this.#buffer.write(text, this.#start, length);
    this.nested(field, end);
  }

  #varint(value: number): void {
    this.#reserve(8);
    if (value < 128) {
      this.#buffer[--this.#start] = value;
      return;
    }
    let length = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
    this.#start -= length;
    let position = this.#start;
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#buffer[position++] = (rest % 128) | 0x80;
    this.#buffer[position] = rest;
  }

  #reserve(bytes: number): void {
    if (this.#start >= bytes) return;
    const written = this.#buffer.length - this.#start;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, written + bytes));
    this.#buffer.copy(larger, larger.length - written, this.#start);
    this.#buffer = larger;
    this.#start = larger.length - written;
  }
}
