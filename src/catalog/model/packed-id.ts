import { hexDigitCode, parseHexDigit } from './hex.ts';

/*
 * An id as bytes, in one of two forms:
 *
 * - UUID_FORM and the 16 bytes of a UUID in its usual form (RFC 9562, in lower case). Nearly all ids are UUIDs.
 * - TEXT_FORM, two bytes of length, big-endian, and the text in UTF-8.
 *
 * Each id has exactly one form, so equal ids are equal bytes.
 */
const UUID_FORM = 0;
const TEXT_FORM = 1;
const UUID_BYTES = 16;
const UUID_LENGTH = 36;
const TEXT_HEADER_BYTES = 3;
/** Enough for any id: Postgres does not accept a longer primary key. */
export const MAX_PACKED_ID_BYTES = 8_192;

const DASH = '-'.charCodeAt(0);

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const uuidText = Buffer.alloc(UUID_LENGTH);

/** Writes an id at an offset. Returns the offset after it, or -1 if the text is too long for an id. */
export function writeId(bytes: Uint8Array, offset: number, id: string): number {
  if (id.length === UUID_LENGTH && writeUuid(bytes, offset + 1, id)) {
    bytes[offset] = UUID_FORM;
    return offset + 1 + UUID_BYTES;
  }
  // A character takes up to 3 bytes.
  if (id.length * 3 > MAX_PACKED_ID_BYTES - TEXT_HEADER_BYTES) return -1;
  const start = offset + TEXT_HEADER_BYTES;
  const length = encoder.encodeInto(id, bytes.subarray(start)).written;
  bytes[offset] = TEXT_FORM;
  bytes[offset + 1] = length >> 8;
  bytes[offset + 2] = length & 255;
  return start + length;
}

export function readId(bytes: Uint8Array, offset: number): string {
  if (bytes[offset] === UUID_FORM) return readUuid(bytes, offset + 1);
  return decoder.decode(bytes.subarray(offset + TEXT_HEADER_BYTES, skipId(bytes, offset)));
}

/** Returns the offset after the id at an offset. */
export function skipId(bytes: Uint8Array, offset: number): number {
  if (bytes[offset] === UUID_FORM) return offset + 1 + UUID_BYTES;
  return offset + TEXT_HEADER_BYTES + readByte(bytes, offset + 1) * 256 + readByte(bytes, offset + 2);
}

/**
 * Computes a hash of 32 bits of the id at an offset: FNV-1a, with a final mix. Without that, the upper bits of ids that
 * are counted up would be alike.
 */
export function hashId(bytes: Uint8Array, offset: number): number {
  const end = skipId(bytes, offset);
  let hash = 0x811c9dc5;
  for (let index = offset; index < end; index++) hash = Math.imul(hash ^ readByte(bytes, index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** Reads a byte that must exist: a default in its place could grant access to somebody else's key. */
export function readByte(bytes: Uint8Array, offset: number): number {
  const byte = bytes[offset];
  if (byte === undefined) throw new RangeError(`offset: must be at least 0 and below ${bytes.length} (got ${offset})`);
  return byte;
}

/** Returns false if the text is not a UUID in its usual form. The caller then overwrites what was written. */
function writeUuid(bytes: Uint8Array, offset: number, id: string): boolean {
  let position = 0;
  for (let byte = 0; byte < UUID_BYTES; byte++) {
    if (followsDash(byte) && id.charCodeAt(position++) !== DASH) return false;
    const high = parseHexDigit(id, position++);
    const low = parseHexDigit(id, position++);
    if (high < 0 || low < 0) return false;
    bytes[offset + byte] = high * 16 + low;
  }
  return true;
}

function readUuid(bytes: Uint8Array, offset: number): string {
  let position = 0;
  for (let byte = 0; byte < UUID_BYTES; byte++) {
    if (followsDash(byte)) uuidText[position++] = DASH;
    const value = readByte(bytes, offset + byte);
    uuidText[position++] = hexDigitCode(value >> 4);
    uuidText[position++] = hexDigitCode(value & 15);
  }
  return uuidText.toString('latin1');
}

/** Whether the text of a UUID has a dash before the byte with this index. */
function followsDash(byte: number): boolean {
  return byte === 4 || byte === 6 || byte === 8 || byte === 10;
}
