import { MAX_RECORD_BYTES } from '../../collections/slab.ts';
import { readUint32, writeUint32 } from '../../collections/uint32.ts';
import type { ApiKeyRow } from '../feed/catalog-rows.ts';
import { digitAt } from './hex.ts';
import { endOfId, MAX_ID_LENGTH, readId, writeId } from './packed-id.ts';

/*
 * An API key as bytes, some 60 of them:
 *
 *   1    flags, as below
 *   32   digest
 *   4    where its account is (account-table.ts)
 *   4    number of its plan's name; 0 without PLAN
 *        its id (packed-id.ts)
 *        the id that it is counted by, only with COUNTER
 *   8    when it expires, in ms since 1970, in two words, only with EXPIRY
 *        what holds for it beside its plan, as JSON in UTF-8, only with CONDITIONS
 */
const FLAGS = 0;
export const DIGEST = 1;
export const DIGEST_BYTES = 32;
const ACCOUNT = 33;
const PLAN = 37;
export const ID = 41;
const EXPIRY_BYTES = 8;
const WORD = 0x1_0000_0000;

const DISABLED = 1;
const HAS_PLAN = 2;
const COUNTER = 4;
const EXPIRY = 8;
const CONDITIONS = 16;

export const MAX_KEY_BYTES = MAX_RECORD_BYTES;
export const MAX_LOOKUP_BYTES = ID + MAX_ID_LENGTH;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What stands in a key beside what `KeyRow` tells. */
export interface KeyReferences {
  readonly account: number;
  /** undefined: it is on its account's. */
  readonly plan: number | undefined;
  /** As JSON; empty: none. */
  readonly conditions: string;
}

/** Writes a key and gives its length; -1 where it would be longer than LONGEST_KEY. */
export function writeKey(bytes: Uint8Array, id: string, row: ApiKeyRow, references: KeyReferences): number {
  const { account, plan, conditions } = references;
  let flags = row.disabled ? DISABLED : 0;
  writeDigest(bytes, DIGEST, row.digest);
  writeUint32(bytes, ACCOUNT, account);
  writeUint32(bytes, PLAN, plan ?? 0);
  if (plan !== undefined) flags |= HAS_PLAN;
  let at = writeId(bytes, ID, id);
  if (at >= 0 && row.counterId !== id) {
    flags |= COUNTER;
    at = writeId(bytes, at, row.counterId);
  }
  if (at < 0) return -1;
  if (row.expiresAt !== null) {
    flags |= EXPIRY;
    writeUint32(bytes, at, Math.floor(row.expiresAt / WORD));
    writeUint32(bytes, at + 4, row.expiresAt % WORD);
    at += EXPIRY_BYTES;
  }
  if (conditions !== '') {
    flags |= CONDITIONS;
    const { read, written } = encoder.encodeInto(conditions, bytes.subarray(at, MAX_KEY_BYTES));
    if (read < conditions.length) return -1;
    at += written;
  }
  bytes[FLAGS] = flags;
  return at;
}

/** In hex. One that is not of 32 bytes is no SHA-256 and finds nothing. */
export function writeDigest(bytes: Uint8Array, at: number, digest: string): void {
  for (let byte = 0; byte < DIGEST_BYTES; byte++) {
    bytes[at + byte] = digitAt(digest, byte * 2) * 16 + digitAt(digest, byte * 2 + 1);
  }
}

export function accountOf(bytes: Uint8Array, start: number): number {
  return readUint32(bytes, start + ACCOUNT);
}

/** undefined: it is on its account's. */
export function planOf(bytes: Uint8Array, start: number): number | undefined {
  return has(bytes, start, HAS_PLAN) ? readUint32(bytes, start + PLAN) : undefined;
}

export function isDisabled(bytes: Uint8Array, start: number): boolean {
  return has(bytes, start, DISABLED);
}

export function counterIdOf(bytes: Uint8Array, start: number): string {
  return readId(bytes, has(bytes, start, COUNTER) ? endOfId(bytes, start + ID) : start + ID);
}

/** Unix time in ms; undefined: never. */
export function expiryOf(bytes: Uint8Array, start: number): number | undefined {
  if (!has(bytes, start, EXPIRY)) return undefined;
  const at = endOfIds(bytes, start);
  // The upper word of a time before 1970 stands for a negative one.
  return (readUint32(bytes, at) | 0) * WORD + readUint32(bytes, at + 4);
}

/** As JSON; empty: none. */
export function conditionsOf(bytes: Uint8Array, start: number, length: number): string {
  if (!has(bytes, start, CONDITIONS)) return '';
  const at = endOfIds(bytes, start) + (has(bytes, start, EXPIRY) ? EXPIRY_BYTES : 0);
  return decoder.decode(bytes.subarray(at, start + length));
}

function endOfIds(bytes: Uint8Array, start: number): number {
  const end = endOfId(bytes, start + ID);
  return has(bytes, start, COUNTER) ? endOfId(bytes, end) : end;
}

function has(bytes: Uint8Array, start: number, flag: number): boolean {
  return ((bytes[start + FLAGS] ?? 0) & flag) !== 0;
}
