const SHARD_BITS = 8;
const MIN_SLOTS = 16;
const EMPTY = 0;

/** Returned in place of a number where there is no match. */
export const NONE = -1;

/**
 * Finds non-negative numbers by a 32-bit hash. Open addressing with linear probing, 8 bytes per slot.
 *
 * Consists of 256 tables, chosen by the upper bits of the hash. Each grows by itself, so that no call moves more than a
 * 256th of all numbers: 4,000 of a million.
 */
export class HashIndex {
  readonly #shards = Array.from({ length: 1 << SHARD_BITS }, () => new Shard());
  #size = 0;

  /** How many numbers the index has. */
  get size(): number {
    return this.#size;
  }

  /** Returns the first number with this hash that `isMatch` accepts, or NONE. */
  find(hash: number, isMatch: (number: number) => boolean): number {
    return this.#shardFor(hash).find(hash, isMatch);
  }

  add(hash: number, number: number): void {
    this.#shardFor(hash).add(hash, number);
    this.#size++;
  }

  /** Throws if the index does not contain the number. */
  remove(hash: number, number: number): void {
    this.#shardFor(hash).remove(hash, number);
    this.#size--;
  }

  #shardFor(hash: number): Shard {
    const shard = this.#shards[hash >>> (32 - SHARD_BITS)];
    if (shard === undefined) throw new Error(`hash: must be an integer of 32 bits (got ${hash})`);
    return shard;
  }
}

class Shard {
  /** Pairs of words: a hash, then the number plus one, or EMPTY. At most two thirds of the pairs are in use. */
  #words = new Uint32Array(2 * MIN_SLOTS);
  #used = 0;

  find(hash: number, isMatch: (number: number) => boolean): number {
    const words = this.#words;
    const mask = words.length - 1;
    for (let slot = homeSlot(hash, mask); ; slot = (slot + 2) & mask) {
      const number = (words[slot + 1] ?? EMPTY) - 1;
      if (number === NONE || (words[slot] === hash && isMatch(number))) return number;
    }
  }

  add(hash: number, number: number): void {
    if ((this.#used + 1) * 3 > this.#words.length) this.#grow();
    this.#used++;
    this.#insert(hash, number + 1);
  }

  /**
   * Moves later entries up into the hole if that brings them closer to their home slot. So no search has to step over a
   * removed entry.
   */
  remove(hash: number, number: number): void {
    const words = this.#words;
    const mask = words.length - 1;
    let hole = homeSlot(hash, mask);
    while (words[hole + 1] !== number + 1) {
      if (words[hole + 1] === EMPTY) throw new Error(`number: must be in the index (got ${number})`);
      hole = (hole + 2) & mask;
    }
    for (let slot = (hole + 2) & mask; words[slot + 1] !== EMPTY; slot = (slot + 2) & mask) {
      const home = homeSlot(words[slot] ?? 0, mask);
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      words[hole] = words[slot] ?? 0;
      words[hole + 1] = words[slot + 1] ?? EMPTY;
      hole = slot;
    }
    words[hole + 1] = EMPTY;
    this.#used--;
  }

  #grow(): void {
    const former = this.#words;
    this.#words = new Uint32Array(former.length * 2);
    for (let slot = 0; slot < former.length; slot += 2) {
      const stored = former[slot + 1] ?? EMPTY;
      if (stored !== EMPTY) this.#insert(former[slot] ?? 0, stored);
    }
  }

  #insert(hash: number, stored: number): void {
    const words = this.#words;
    const mask = words.length - 1;
    let slot = homeSlot(hash, mask);
    while (words[slot + 1] !== EMPTY) slot = (slot + 2) & mask;
    words[slot] = hash;
    words[slot + 1] = stored;
  }
}

/** Index of the word pair where the search for a hash begins. `mask` is the number of words minus one. */
function homeSlot(hash: number, mask: number): number {
  return (hash << 1) & mask;
}
