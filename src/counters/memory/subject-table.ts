import { hash, randomFillSync } from 'node:crypto';
import { type HashKey, halfSipHash } from '../../collections/half-sip-hash.ts';
import { HashIndex } from '../../collections/hash-index.ts';
import { quarterOfPower, Slab } from '../../collections/slab.ts';
import { readUint32, writeUint32 } from '../../collections/uint32.ts';

/*
 * A subject as bytes. Whole numbers, big-endian.
 *
 *   4      what is kept for it
 *   4      its family, times 2, plus 1 if the text is a digest; 0: it was removed
 *   …      the text in UTF-8, or its SHA-256 where it is long, as nobody is to fill memory by a name
 */
const FAMILY = 4;
const TEXT = 8;
const LONGEST_TEXT = 512;
/** In UTF-8: as no part of one is written, so much behind the longest text shows that there is more. */
const LONGEST_CHARACTER = 4;

/**
 * A number of 32 bits for each of many subjects, which are names within a family, a number of 1 to 2^30. All of it is
 * bytes: as keys of a Map subjects would be walked over by every collection of garbage, and searched through strings
 * that lie anywhere. Which subjects have the same hash is different in every process.
 */
export class SubjectTable {
  readonly #slab = new Slab({ grain: 8, size: quarterOfPower });
  readonly #index = new HashIndex();
  readonly #hashKey = makeHashKey();
  /** The subject that is asked for; with it the bytes of a new one begin. */
  readonly #asked = Buffer.alloc(TEXT + LONGEST_TEXT + LONGEST_CHARACTER);
  #askedEnd = 0;

  /** Bytes of subjects. */
  get bytes(): number {
    return this.#slab.bytes;
  }

  /** Where the subject is kept, for as long as it is not removed; NONE: nowhere. */
  find(family: number, subject: string): number {
    return this.#index.find(this.#ask(family, subject), this.#isAsked);
  }

  /** Takes a subject that is not there, and returns where it is kept. */
  add(family: number, subject: string, kept: number): number {
    const hashed = this.#ask(family, subject);
    writeUint32(this.#asked, 0, kept);
    const place = this.#slab.add(this.#asked, this.#askedEnd);
    this.#index.add(hashed, place);
    return place;
  }

  remove(place: number): void {
    const page = this.#slab.pageOf(place);
    const start = this.#slab.startOf(place);
    const end = start + this.#slab.lengthOf(place);
    this.#index.remove(halfSipHash(page, start + FAMILY, end, this.#hashKey), place);
    writeUint32(page, start + FAMILY, 0);
    this.#slab.remove(place);
  }

  /** What is kept for the subject there. */
  keptAt(place: number): number {
    return readUint32(this.#slab.pageOf(place), this.#slab.startOf(place));
  }

  keepAt(place: number, kept: number): void {
    writeUint32(this.#slab.pageOf(place), this.#slab.startOf(place), kept);
  }

  /** 0: the subject was removed. */
  familyAt(place: number): number {
    return readUint32(this.#slab.pageOf(place), this.#slab.startOf(place) + FAMILY) >>> 1;
  }

  /** The place behind another, of a subject or of one that was removed; behind NONE the first, behind the last NONE. */
  after(place: number): number {
    return this.#slab.after(place);
  }

  /** Writes the subject to `#asked` and returns its hash. */
  #ask(family: number, subject: string): number {
    const bytes = this.#asked;
    let length = writeAscii(bytes, subject);
    if (length < 0) length = bytes.write(subject, TEXT);
    const isDigest = length > LONGEST_TEXT;
    if (isDigest) length = bytes.write(hash('sha256', subject), TEXT, 'hex');
    writeUint32(bytes, FAMILY, 2 * family + (isDigest ? 1 : 0));
    this.#askedEnd = TEXT + length;
    return halfSipHash(bytes, FAMILY, this.#askedEnd, this.#hashKey);
  }

  readonly #isAsked = (place: number): boolean => {
    if (this.#slab.lengthOf(place) !== this.#askedEnd) return false;
    const page = this.#slab.pageOf(place);
    const start = this.#slab.startOf(place);
    for (let at = FAMILY; at < this.#askedEnd; at++) if (page[start + at] !== this.#asked[at]) return false;
    return true;
  };
}

function makeHashKey(): HashKey {
  const [low = 0, high = 0] = randomFillSync(new Uint32Array(2));
  return { low, high };
}

/** Writes the text where it is ASCII and not long, as nearly all are, in half the time of `write`; else less than 0. */
function writeAscii(bytes: Uint8Array, text: string): number {
  const { length } = text;
  if (length > LONGEST_TEXT) return -1;
  let all = 0;
  for (let place = 0; place < length; place++) {
    const unit = text.charCodeAt(place);
    all |= unit;
    bytes[TEXT + place] = unit;
  }
  return all < 128 ? length : -1;
}
