import { hash, randomFillSync } from 'node:crypto';
import { halfSipHash, type SipHashKey } from '../../collections/half-sip-hash.ts';
import { HashIndex } from '../../collections/hash-index.ts';
import { roundUpToQuarterPower, Slab } from '../../collections/slab.ts';
import { readUint32, writeUint32 } from '../../collections/uint32.ts';
import type { KeptSubject } from './stored-counter.ts';

/*
 * A subject as a record of the slab. Integers are big-endian.
 *
 *   bytes  content
 *   4      value
 *   4      2 × the limit id, plus 1 if the text is a digest; a limit id of 0 marks a removed subject
 *   …      the text in UTF-8. Of a text of more than 512 bytes, its SHA-256 in hexadecimal instead, so that nobody can
 *          fill memory with long names.
 */
const LIMIT_ID_OFFSET = 4;
const TEXT_OFFSET = 8;
const MAX_TEXT_BYTES = 512;
/** Room behind the longest text. `write` writes no part of a character, so the room shows whether a text is longer. */
const MAX_UTF8_CHARACTER_BYTES = 4;

/** Whether the table keeps only a digest of the subject. */
export function isLongSubject(subject: string): boolean {
  // A UTF-16 code unit takes up to three bytes.
  return subject.length * 3 > MAX_TEXT_BYTES && Buffer.byteLength(subject) > MAX_TEXT_BYTES;
}

/**
 * Maps subjects to values of 32 bits. A subject is a text within one limit; a limit is an id from 1 to 2^30.
 *
 * Everything is bytes. As keys of a Map, subjects would be walked by every garbage collection, and searches would
 * follow pointers to strings anywhere in memory. The key of the hash is random, so each process has other collisions.
 */
export class SubjectTable {
  readonly #slab = new Slab({ grainBytes: 8, roundUp: roundUpToQuarterPower });
  readonly #index = new HashIndex();
  readonly #hashKey = generateHashKey();
  /** The subject that is searched for. A new record starts as a copy of it. */
  readonly #query = Buffer.alloc(TEXT_OFFSET + MAX_TEXT_BYTES + MAX_UTF8_CHARACTER_BYTES);
  #queryLength = 0;

  /** Bytes that the subjects take, without the index. */
  get bytes(): number {
    return this.#slab.bytes;
  }

  /** Returns the record of the subject, which is valid until the subject is removed. NONE: there is no such subject. */
  find(limitId: number, subject: string): number {
    return this.#index.find(this.#setQuery(limitId, subject), this.#matchesQuery);
  }

  /** Adds a subject that must not be in the table yet. Returns its record. */
  add(limitId: number, subject: string, value: number): number {
    return this.#addQuery(this.#setQuery(limitId, subject), value);
  }

  /** Adds a subject in the form in which a table kept it. */
  addKept(limitId: number, { text, isDigest }: KeptSubject, value: number): number {
    return this.#addQuery(isDigest ? this.#setDigest(limitId, text) : this.#setQuery(limitId, text), value);
  }

  #addQuery(hashed: number, value: number): number {
    writeUint32(this.#query, 0, value);
    const record = this.#slab.add(this.#query, this.#queryLength);
    this.#index.add(hashed, record);
    return record;
  }

  remove(record: number): void {
    const page = this.#slab.pageAt(record);
    const start = this.#slab.offsetAt(record);
    const end = start + this.#slab.lengthAt(record);
    this.#index.remove(halfSipHash(page, start + LIMIT_ID_OFFSET, end, this.#hashKey), record);
    writeUint32(page, start + LIMIT_ID_OFFSET, 0);
    this.#slab.remove(record);
  }

  valueAt(record: number): number {
    return readUint32(this.#slab.pageAt(record), this.#slab.offsetAt(record));
  }

  setValueAt(record: number, value: number): void {
    writeUint32(this.#slab.pageAt(record), this.#slab.offsetAt(record), value);
  }

  /** Returns 0 for a subject that was removed. */
  limitIdAt(record: number): number {
    return readUint32(this.#slab.pageAt(record), this.#slab.offsetAt(record) + LIMIT_ID_OFFSET) >>> 1;
  }

  /** Returns the subject of a record. undefined: the table keeps only its digest. */
  textAt(record: number): string | undefined {
    const { text, isDigest } = this.keptAt(record);
    return isDigest ? undefined : text;
  }

  keptAt(record: number): KeptSubject {
    const page = this.#slab.pageAt(record);
    const start = this.#slab.offsetAt(record);
    const isDigest = readUint32(page, start + LIMIT_ID_OFFSET) % 2 === 1;
    const length = this.#slab.lengthAt(record) - TEXT_OFFSET;
    const text = Buffer.from(page.buffer, page.byteOffset + start + TEXT_OFFSET, length);
    return { text: text.toString(isDigest ? 'hex' : 'utf8'), isDigest };
  }

  /** Walks all records, those of removed subjects included. After NONE comes the first, after the last comes NONE. */
  after(record: number): number {
    return this.#slab.after(record);
  }

  /** Writes the subject to `#query`. Returns its hash. */
  #setQuery(limitId: number, subject: string): number {
    const bytes = this.#query;
    let length = writeAscii(bytes, subject);
    if (length < 0) length = bytes.write(subject, TEXT_OFFSET);
    if (length > MAX_TEXT_BYTES) return this.#setDigest(limitId, hash('sha256', subject));
    return this.#hashQuery(2 * limitId, length);
  }

  #setDigest(limitId: number, digest: string): number {
    return this.#hashQuery(2 * limitId + 1, this.#query.write(digest, TEXT_OFFSET, 'hex'));
  }

  #hashQuery(markedLimitId: number, textLength: number): number {
    writeUint32(this.#query, LIMIT_ID_OFFSET, markedLimitId);
    this.#queryLength = TEXT_OFFSET + textLength;
    return halfSipHash(this.#query, LIMIT_ID_OFFSET, this.#queryLength, this.#hashKey);
  }

  readonly #matchesQuery = (record: number): boolean =>
    this.#slab.lengthAt(record) === this.#queryLength &&
    this.#slab.equals(record, this.#query, LIMIT_ID_OFFSET, this.#queryLength);
}

function generateHashKey(): SipHashKey {
  const [low = 0, high = 0] = randomFillSync(new Uint32Array(2));
  return { low, high };
}

/**
 * Writes a short ASCII text, which nearly all are, in half the time that `Buffer.write` takes. Returns its length, or
 * -1 for any other text.
 */
function writeAscii(bytes: Uint8Array, text: string): number {
  const { length } = text;
  if (length > MAX_TEXT_BYTES) return -1;
  let seenBits = 0;
  for (let index = 0; index < length; index++) {
    const codeUnit = text.charCodeAt(index);
    seenBits |= codeUnit;
    bytes[TEXT_OFFSET + index] = codeUnit;
  }
  return seenBits < 128 ? length : -1;
}
