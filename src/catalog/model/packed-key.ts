import { MAX_RECORD_BYTES } from '../../collections/slab.ts';
import { readUint32, writeUint32 } from '../../collections/uint32.ts';
import type { ApiKeyRow } from '../feed/catalog-rows.ts';
import { parseHexDigit } from './hex.ts';
import { MAX_PACKED_ID_BYTES, readByte, readId, skipId, writeId } from './packed-id.ts';

/*
 * An API key as bytes, about 60 of them:
 *
 *   bytes
 *   1     flags
 *   32    digest
 *   4     address of its account in the AccountTable
 *   4     number of its plan's name; 0 without HAS_PLAN
 *         its id (packed-id.ts)
 *         its counter id (packed-id.ts), only with HAS_COUNTER_ID
 *   8     Unix time in ms at which it expires, as two words, only with HAS_EXPIRY
 *         its policy as JSON in UTF-8, up to the end of the record, only with HAS_POLICY
 */
const FLAGS_OFFSET = 0;
export const DIGEST_OFFSET = 1;
export const DIGEST_BYTES = 32;
const ACCOUNT_OFFSET = 33;
const PLAN_OFFSET = 37;
export const ID_OFFSET = 41;
const EXPIRY_BYTES = 8;

const DISABLED = 1;
const HAS_PLAN = 2;
/** Without it, the counter id is the id. */
const HAS_COUNTER_ID = 4;
const HAS_EXPIRY = 8;
const HAS_POLICY = 16;
const IMPORTED = 32;

/** Number of values of a word: 2^32. */
const WORD_VALUES = 0x1_0000_0000;

export const MAX_KEY_BYTES = MAX_RECORD_BYTES;
/** Length of a key up to the end of its id, at most. */
export const MAX_KEY_PREFIX_BYTES = ID_OFFSET + MAX_PACKED_ID_BYTES;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Values of a packed key that replace texts of its `ApiKeyRow`. */
export interface PackedKeyReferences {
  /** Address of its account. */
  readonly accountAddress: number;
  /** Number of its plan's name; undefined: the key is on its account's plan. */
  readonly planNumber: number | undefined;
  /** Empty: the key has no policy of its own. */
  readonly policyJson: string;
}

/** Writes a key. Returns its length, or -1 if it would be longer than MAX_KEY_BYTES. */
export function writeKey(bytes: Uint8Array, id: string, row: ApiKeyRow, references: PackedKeyReferences): number {
  const { accountAddress, planNumber, policyJson } = references;
  let flags = (row.disabled ? DISABLED : 0) | (row.imported ? IMPORTED : 0);
  writeDigest(bytes, DIGEST_OFFSET, row.digest);
  writeUint32(bytes, ACCOUNT_OFFSET, accountAddress);
  writeUint32(bytes, PLAN_OFFSET, planNumber ?? 0);
  if (planNumber !== undefined) flags |= HAS_PLAN;
  let offset = writeId(bytes, ID_OFFSET, id);
  if (offset >= 0 && row.counterId !== id) {
    flags |= HAS_COUNTER_ID;
    offset = writeId(bytes, offset, row.counterId);
  }
  if (offset < 0) return -1;
  if (row.expiresAt !== null) {
    flags |= HAS_EXPIRY;
    writeUint32(bytes, offset, Math.floor(row.expiresAt / WORD_VALUES));
    writeUint32(bytes, offset + 4, row.expiresAt % WORD_VALUES);
    offset += EXPIRY_BYTES;
  }
  if (policyJson !== '') {
    flags |= HAS_POLICY;
    const { read, written } = encoder.encodeInto(policyJson, bytes.subarray(offset, MAX_KEY_BYTES));
    if (read < policyJson.length) return -1;
    offset += written;
  }
  bytes[FLAGS_OFFSET] = flags;
  return offset;
}

/** Writes a digest that is given in hex. One that is not 32 bytes long is not SHA-256, and finds nothing. */
export function writeDigest(bytes: Uint8Array, offset: number, digest: string): void {
  for (let byte = 0; byte < DIGEST_BYTES; byte++) {
    bytes[offset + byte] = parseHexDigit(digest, byte * 2) * 16 + parseHexDigit(digest, byte * 2 + 1);
  }
}

/** Returns the digest in hex. */
export function readDigest(bytes: Uint8Array, start: number): string {
  const digest = bytes.subarray(start + DIGEST_OFFSET, start + DIGEST_OFFSET + DIGEST_BYTES);
  return Buffer.from(digest.buffer, digest.byteOffset, DIGEST_BYTES).toString('hex');
}

export function readAccountAddress(bytes: Uint8Array, start: number): number {
  return readUint32(bytes, start + ACCOUNT_OFFSET);
}

/** undefined: the key is on its account's plan. */
export function readPlanNumber(bytes: Uint8Array, start: number): number | undefined {
  return hasFlag(bytes, start, HAS_PLAN) ? readUint32(bytes, start + PLAN_OFFSET) : undefined;
}

export function readDisabled(bytes: Uint8Array, start: number): boolean {
  return hasFlag(bytes, start, DISABLED);
}

/** Whether another service issued the key. */
export function readImported(bytes: Uint8Array, start: number): boolean {
  return hasFlag(bytes, start, IMPORTED);
}

export function readCounterId(bytes: Uint8Array, start: number): string {
  const id = start + ID_OFFSET;
  return readId(bytes, hasFlag(bytes, start, HAS_COUNTER_ID) ? skipId(bytes, id) : id);
}

/** Returns Unix time in ms. undefined: the key never expires. */
export function readExpiresAt(bytes: Uint8Array, start: number): number | undefined {
  if (!hasFlag(bytes, start, HAS_EXPIRY)) return undefined;
  const offset = skipIds(bytes, start);
  // The upper word is signed: a time before 1970 is negative.
  return (readUint32(bytes, offset) | 0) * WORD_VALUES + readUint32(bytes, offset + 4);
}

/** Returns JSON. Empty: the key has no policy of its own. `length` is that of the whole key. */
export function readPolicyJson(bytes: Uint8Array, start: number, length: number): string {
  if (!hasFlag(bytes, start, HAS_POLICY)) return '';
  const offset = skipIds(bytes, start) + (hasFlag(bytes, start, HAS_EXPIRY) ? EXPIRY_BYTES : 0);
  return decoder.decode(bytes.subarray(offset, start + length));
}

/** Returns the offset after the id and the counter id. */
function skipIds(bytes: Uint8Array, start: number): number {
  const end = skipId(bytes, start + ID_OFFSET);
  return hasFlag(bytes, start, HAS_COUNTER_ID) ? skipId(bytes, end) : end;
}

function hasFlag(bytes: Uint8Array, start: number, flag: number): boolean {
  return (readByte(bytes, start + FLAGS_OFFSET) & flag) !== 0;
}
