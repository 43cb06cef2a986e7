import type { KeyRecord } from '../decide/ports.ts';

/** So many, at about 2 KB each with what is kept by a key's record elsewhere (decide/known-costs.ts). */
const MOST_RECENT = 32_768;

interface Recent {
  readonly piece: number;
  readonly key: KeyRecord;
  /** Whether it was asked for since it was last looked at as one to drop. */
  wasAsked: boolean;
}

/**
 * The records of keys that are asked for, so that a key that is in use has one record for as long as it stays as it is:
 * what else is kept of it is kept by its record.
 */
export class RecentKeys {
  /** By where the key is. */
  readonly #recent = new Map<number, Recent>();
  /** Goes round (a clock, as of caches): who was asked for since the last round stays for another. */
  readonly #round: Recent[] = [];
  #hand = 0;

  find(piece: number): KeyRecord | undefined {
    const recent = this.#recent.get(piece);
    if (recent === undefined) return undefined;
    recent.wasAsked = true;
    return recent.key;
  }

  /** In place of the record that was there, if one was. */
  keep(piece: number, key: KeyRecord): void {
    const recent = { piece, key, wasAsked: false };
    this.#recent.set(piece, recent);
    if (this.#round.length < MOST_RECENT) {
      this.#round.push(recent);
      return;
    }
    for (let other = this.#round[this.#hand]; other?.wasAsked === true; other = this.#round[this.#hand]) {
      other.wasAsked = false;
      this.#hand = (this.#hand + 1) % MOST_RECENT;
    }
    const left = this.#round[this.#hand];
    if (left !== undefined && this.#recent.get(left.piece) === left) this.#recent.delete(left.piece);
    this.#round[this.#hand] = recent;
    this.#hand = (this.#hand + 1) % MOST_RECENT;
  }

  drop(piece: number): void {
    this.#recent.delete(piece);
  }
}
