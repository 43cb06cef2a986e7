import { ClockRing } from '../../collections/clock-ring.ts';
import type { KeyRecord } from '../../decide/ports.ts';
import { digitAt } from './hex.ts';

/** So many, at about 2 KB each with what is kept by a key's record elsewhere (decide/check/charge-cache.ts). */
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
  /** Whether the key was asked for since the hand of the ring last passed it. */
  wasUsed: boolean;
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
  /** Evicts keys that were not asked for lately. */
  readonly #ring = new ClockRing<CachedKey>(MOST_RECENT);

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
    const recent: CachedKey = { piece, key, digest: undefined, version, wasUsed: false };
    this.#byPiece.set(piece, recent);
    const slot = this.#ring.nextSlot();
    const evicted = this.#ring.get(slot);
    if (evicted !== undefined) this.#forget(evicted);
    this.#ring.set(slot, recent);
    return recent;
  }

  drop(piece: number): void {
    const recent = this.#byPiece.get(piece);
    if (recent !== undefined) this.#forget(recent);
  }

  /** Leaves the key's slot in the ring to be reused. Another key may have the same piece or digest by now. */
  #forget(recent: CachedKey): void {
    recent.wasUsed = false;
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
