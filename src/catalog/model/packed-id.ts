import { digitAt, digitOf } from './hex.ts';

/*
 * An id as bytes: 0 and the 16 bytes of a UUID in its usual form (RFC 9562, in lower case), which nearly all ids are; or
 * 1, two bytes of length, big-endian, and the text in UTF-8. An id has one form only, so that equal ids are equal bytes.
 */
const UUID = 0;
const TEXT = 1;
const UUID_BYTES = 16;
const UUID_LENGTH = 36;
const TEXT_HEAD = 3;
/** Room that any id finds enough: Postgres takes no longer primary key. */
export const MAX_ID_LENGTH = 8_192;

const DASH = '-'.charCodeAt(0);

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const written = Buffer.alloc(UUID_LENGTH);

/** Writes an id at `at` and gives where it ends; -1 where it is too long to be one. */
export function writeId(bytes: Uint8Array, at: number, id: string): number {
  if (id.length === UUID_LENGTH && writeUuid(bytes, at + 1, id)) {
    bytes[at] = UUID;
    return at + 1 + UUID_BYTES;
  }
  if (id.length * 3 > MAX_ID_LENGTH - TEXT_HEAD) return -1;
  const start = at + TEXT_HEAD;
  const length = encoder.encodeInto(id, bytes.subarray(start)).written;
  bytes[at] = TEXT;
  bytes[at + 1] = length >> 8;
  bytes[at + 2] = length & 255;
  return start + length;
}

export function readId(bytes: Uint8Array, at: number): string {
  if (bytes[at] === UUID) return readUuid(bytes, at + 1);
  return decoder.decode(bytes.subarray(at + TEXT_HEAD, endOfId(bytes, at)));
}

export function endOfId(bytes: Uint8Array, at: number): number {
  if (bytes[at] === UUID) return at + 1 + UUID_BYTES;
  return at + TEXT_HEAD + (bytes[at + 1] ?? 0) * 256 + (bytes[at + 2] ?? 0);
}

/** FNV-1a, with the bits of its end stirred: of ids that are counted up it would be alike in its upper ones. */
export function hashOfId(bytes: Uint8Array, at: number): number {
  const end = endOfId(bytes, at);
  let hash = 0x811c9dc5;
  for (let place = at; place < end; place++) hash = Math.imul(hash ^ (bytes[place] ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** False where it is no UUID in its usual form; what it has written by then is overwritten. */
function writeUuid(bytes: Uint8Array, at: number, id: string): boolean {
  let place = 0;
  for (let byte = 0; byte < UUID_BYTES; byte++) {
    if (isAfterDash(byte) && id.charCodeAt(place++) !== DASH) return false;
    const high = digitAt(id, place++);
    const low = digitAt(id, place++);
    if (high < 0 || low < 0) return false;
    bytes[at + byte] = high * 16 + low;
  }
  return true;
}

function readUuid(bytes: Uint8Array, at: number): string {
  let place = 0;
  for (let byte = 0; byte < UUID_BYTES; byte++) {
    if (isAfterDash(byte)) written[place++] = DASH;
    const value = bytes[at + byte] ?? 0;
    written[place++] = digitOf(value >> 4);
    written[place++] = digitOf(value & 15);
  }
  return written.toString('latin1');
}

function isAfterDash(byte: number): boolean {
  return byte === 4 || byte === 6 || byte === 8 || byte === 10;
}
