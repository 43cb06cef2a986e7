import type { KeyRecord } from '../../decide/ports.ts';
import { digitAt } from './hex.ts';

/** So many, at about 2 KB each with what is kept by a key's record elsewhere (decide/known-costs.ts). */
const MOST_RECENT = 32_768;

const WORD_DIGITS = 8;

/** What is known of a key that was asked for. */
export interface CachedKey {
  readonly piece: number;
  readonly key: KeyRecord;
  /** In hex; undefined: it was not asked for by its digest yet. */
  digest: string | undefined;
  /** Of the accounts' plans (AccountTable.version) when the record was last found to be right. */
  version: number;
  /** Whether it was asked for since it was last looked at as one to drop. */
  wasAsked: boolean;
}

/**
 * The records of keys that are asked for, so that a key that is in use has one record for as long as it stays as it is:
 * what else is kept of it is kept by its record. They are found by digest without a look at the packed keys, which among
 * a million are in nobody's cache.
 */
export class KeyCache {
  readonly #byPiece = new Map<number, CachedKey>();
  /** By the beginning of the digest: of a number no hash has to be made. Of two that begin alike one is kept. */
  readonly #byDigest = new Map<number, CachedKey>();
  /** Goes round (a clock, as of caches): who was asked for since the last round stays for another. */
  readonly #round: CachedKey[] = [];
  #hand = 0;

  ofPiece(piece: number): CachedKey | undefined {
    return this.#byPiece.get(piece);
  }

  ofDigest(digest: string): CachedKey | undefined {
    const found = this.#byDigest.get(wordOf(digest));
    return found?.digest === digest ? found : undefined;
  }

  /** To be found by its digest from now on. */
  nameByDigest(recent: CachedKey, digest: string): void {
    recent.digest = digest;
    this.#byDigest.set(wordOf(digest), recent);
  }

  /** In place of what was there, if anything was. */
  keep(piece: number, key: KeyRecord, version: number): CachedKey {
    this.drop(piece);
    const recent: CachedKey = { piece, key, digest: undefined, version, wasAsked: false };
    this.#byPiece.set(piece, recent);
    if (this.#round.length < MOST_RECENT) {
      this.#round.push(recent);
      return recent;
    }
    for (let other = this.#round[this.#hand]; other?.wasAsked === true; other = this.#round[this.#hand]) {
      other.wasAsked = false;
      this.#hand = (this.#hand + 1) % MOST_RECENT;
    }
    const left = this.#round[this.#hand];
    if (left !== undefined) this.#forget(left);
    this.#round[this.#hand] = recent;
    this.#hand = (this.#hand + 1) % MOST_RECENT;
    return recent;
  }

  drop(piece: number): void {
    const recent = this.#byPiece.get(piece);
    if (recent !== undefined) this.#forget(recent);
  }

  /** Its place in the round is left to be taken; another may have come where it was. */
  #forget(recent: CachedKey): void {
    recent.wasAsked = false;
    if (this.#byPiece.get(recent.piece) === recent) this.#byPiece.delete(recent.piece);
    if (recent.digest === undefined) return;
    const word = wordOf(recent.digest);
    if (this.#byDigest.get(word) === recent) this.#byDigest.delete(word);
  }
}

/** The first 32 bits. */
function wordOf(digest: string): number {
  let word = 0;
  for (let place = 0; place < WORD_DIGITS; place++) word = (word << 4) | digitAt(digest, place);
  return word;
}
