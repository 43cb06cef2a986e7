const INITIAL_BUFFER_BYTES = 4096;
const ASCII_ZERO = '0'.charCodeAt(0);
/** Printable ASCII without the space. */
export const FIRST_VISIBLE_CODE = 0x21;
export const LAST_VISIBLE_CODE = 0x7e;
/** Up to this length, in bytes, a loop is faster than calling TypedArray.prototype.set. */
const MAX_LOOP_COPY_BYTES = 48;
/** Up to this length a loop is faster than calling Buffer.prototype.write. */
const MAX_LOOP_ASCII_LENGTH = 8;
/** Below this value `(n / 10) | 0` divides correctly, in integer arithmetic. */
const INT32_BOUND = 2 ** 31;
export const DOUBLE_BYTES = 8;

/**
 * Writes protobuf messages, each from its end to its beginning. When the tag of a nested message is written, its length
 * is already known, so nothing is measured in advance or moved afterwards. Callers therefore write fields in reverse
 * order. All messages use the same memory.
 */
export class WireWriter {
  #buffer = Buffer.allocUnsafeSlow(INITIAL_BUFFER_BYTES);
  /** Index of the first byte written so far; the message reaches from here to the end of the buffer. */
  #start = INITIAL_BUFFER_BYTES;

  /** Begins the next message. The bytes of the previous one become invalid. */
  beginMessage(): void {
    this.#start = this.#buffer.length;
  }

  /** Returns the message; valid until the next `beginMessage`. */
  finishMessage(): Uint8Array {
    return this.#buffer.subarray(this.#start);
  }

  /**
   * Begins a length-delimited field: a nested message, or a string that is written in parts. Write the content next, then
   * pass the result to `endNested`. The result is the number of bytes written so far.
   */
  beginNested(): number {
    return this.#buffer.length - this.#start;
  }

  /** Ends a length-delimited field: writes its length and tag in front of what was written since `beginNested`. */
  endNested(field: number, begun: number): void {
    this.#writeVarint(this.#buffer.length - this.#start - begun);
    this.#writeVarint((field << 3) | 2);
  }

  /** Writes a message without fields, or an empty string: unlike `writeString`, the field is present. */
  writeEmpty(field: number): void {
    this.#writeVarint(0);
    this.#writeVarint((field << 3) | 2);
  }

  /** Writes an integer from 0 to 2^53. Leaves out 0, as proto3 does. */
  writeInteger(field: number, value: number): void {
    if (value === 0) return;
    this.#writeVarint(value);
    this.#writeVarint(field << 3);
  }

  /** Writes an integer field of a oneof, from 0 to 2^53; 0 is written too. */
  writeOneofInteger(field: number, value: number): void {
    this.#writeVarint(value);
    this.#writeVarint(field << 3);
  }

  /** Writes a double field of a oneof; 0 is written too. */
  writeOneofDouble(field: number, value: number): void {
    this.writeUntaggedDouble(value);
    this.#writeVarint((field << 3) | 1);
  }

  /** Writes a double without its tag, which the caller writes next with `writeEncoded`. */
  writeUntaggedDouble(value: number): void {
    this.#reserve(DOUBLE_BYTES);
    this.#start -= DOUBLE_BYTES;
    this.#buffer.writeDoubleLE(value, this.#start);
  }

  /** Writes a string. Leaves out the empty one, as proto3 does. */
  writeString(field: number, text: string): void {
    if (text === '') return;
    const begun = this.beginNested();
    this.#reserve(text.length * 3); // UTF-8 takes at most three bytes for a UTF-16 unit
    let start = this.#start;
    for (let index = text.length - 1; index >= 0; index--) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) {
        this.#writeUtf8(field, text, begun);
        return;
      }
      this.#buffer[--start] = unit;
    }
    this.#start = start;
    this.endNested(field, begun);
  }

  /** Writes ASCII text as one part of a string, between `beginNested` and `endNested`. */
  writeAsciiPart(text: string): void {
    this.#reserve(text.length);
    if (text.length > MAX_LOOP_ASCII_LENGTH) {
      this.#start -= text.length;
      this.#buffer.write(text, this.#start, text.length, 'latin1');
      return;
    }
    for (let index = text.length - 1; index >= 0; index--) this.#buffer[--this.#start] = text.charCodeAt(index);
  }

  /** Writes the decimal digits of an integer from 0 to 2^53 as one part of a string, like `writeAsciiPart`. */
  writeDigitsPart(value: number): void {
    this.#reserve(16);
    let start = this.#start;
    let rest = value;
    while (rest >= 10) {
      const quotient = rest < INT32_BOUND ? (rest / 10) | 0 : Math.floor(rest / 10);
      this.#buffer[--start] = ASCII_ZERO + (rest - quotient * 10);
      rest = quotient;
    }
    this.#buffer[--start] = ASCII_ZERO + rest;
    this.#start = start;
  }

  /**
   * Overwrites digits that are already written with those of `value`, which has `digitCount` digits. `offsets` are the
   * positions of its first digit, counted from the first byte written so far.
   */
  overwriteDigits(offsets: readonly number[], digitCount: number, value: number): void {
    let rest = value;
    for (let digit = digitCount - 1; digit >= 0; digit--) {
      const quotient = rest < INT32_BOUND ? (rest / 10) | 0 : Math.floor(rest / 10);
      const code = ASCII_ZERO + (rest - quotient * 10);
      for (const offset of offsets) this.#buffer[this.#start + offset + digit] = code;
      rest = quotient;
    }
  }

  /**
   * Overwrites bytes that are already written with a text of visible ASCII characters. `offset` counts from the first byte
   * written so far. Returns false at the first other character. One loop checks and copies in half the time of two.
   */
  overwriteVisibleAscii(offset: number, text: string): boolean {
    const start = this.#start + offset;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code < FIRST_VISIBLE_CODE || code > LAST_VISIBLE_CODE) return false;
      this.#buffer[start + index] = code;
    }
    return true;
  }

  /** Copies bytes that were encoded before. */
  writeEncoded(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#reserve(length);
    this.#start -= length;
    if (length > MAX_LOOP_COPY_BYTES) this.#buffer.set(bytes, this.#start);
    else for (let index = 0; index < length; index++) this.#buffer[this.#start + index] = bytes[index] ?? 0;
  }

  #writeUtf8(field: number, text: string, begun: number): void {
    const length = Buffer.byteLength(text);
    this.#start -= length;
    this.#buffer.write(text, this.#start, length);
    this.endNested(field, begun);
  }

  #writeVarint(value: number): void {
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

const scratch = new WireWriter();

/** Runs `write` and returns a copy of the bytes that it wrote. For fields that are encoded once and kept. */
export function encodeToBytes(write: (into: WireWriter) => void): Uint8Array {
  scratch.beginMessage();
  write(scratch);
  return Uint8Array.from(scratch.finishMessage());
}
