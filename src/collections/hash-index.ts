const SHARD_BITS = 8;
const FEWEST_SLOTS = 16;
const EMPTY = 0;

/** Where there is no number. */
export const NONE = -1;

/**
 * Finds numbers of 0 or more by a hash of 32 bits: open addressing with linear probing, 8 bytes a slot. It is cut into
 * 256 tables by the hash's upper bits. Each grows by itself, so that no call moves more than a 256th of it all: 4,000
 * numbers of a million.
 */
export class HashIndex {
  readonly #shards = Array.from({ length: 1 << SHARD_BITS }, () => new Shard());

  /** The first number of this hash that is the one; NONE where none is. */
  find(hash: number, isIt: (number: number) => boolean): number {
    return this.#shardOf(hash).find(hash, isIt);
  }

  add(hash: number, number: number): void {
    this.#shardOf(hash).add(hash, number);
  }

  /** The number must be there. */
  remove(hash: number, number: number): void {
    this.#shardOf(hash).remove(hash, number);
  }

  #shardOf(hash: number): Shard {
    const shard = this.#shards[hash >>> (32 - SHARD_BITS)];
    if (shard === undefined) throw new Error(`${hash} is no hash of 32 bits`);
    return shard;
  }
}

class Shard {
  /** In pairs: a hash, and one more than its number, or EMPTY. At most two thirds are taken. */
  #slots = new Uint32Array(2 * FEWEST_SLOTS);
  #taken = 0;

  find(hash: number, isIt: (number: number) => boolean): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = placeOf(hash, mask); ; slot = (slot + 2) & mask) {
      const number = (slots[slot + 1] ?? EMPTY) - 1;
      if (number === NONE || (slots[slot] === hash && isIt(number))) return number;
    }
  }

  add(hash: number, number: number): void {
    if ((this.#taken + 1) * 3 > this.#slots.length) this.#grow();
    this.#taken++;
    this.#place(hash, number + 1);
  }

  /** Moves up what stands behind, where that is nearer to its own place: so nothing is left that searches pass over. */
  remove(hash: number, number: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = placeOf(hash, mask);
    while (slots[hole + 1] !== number + 1) {
      if (slots[hole + 1] === EMPTY) throw new Error(`${number} is not in the index`);
      hole = (hole + 2) & mask;
    }
    for (let slot = (hole + 2) & mask; slots[slot + 1] !== EMPTY; slot = (slot + 2) & mask) {
      const home = placeOf(slots[slot] ?? 0, mask);
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots[hole] = slots[slot] ?? 0;
      slots[hole + 1] = slots[slot + 1] ?? EMPTY;
      hole = slot;
    }
    slots[hole + 1] = EMPTY;
    this.#taken--;
  }

  #grow(): void {
    const former = this.#slots;
    this.#slots = new Uint32Array(former.length * 2);
    for (let slot = 0; slot < former.length; slot += 2) {
      const taken = former[slot + 1] ?? EMPTY;
      if (taken !== EMPTY) this.#place(former[slot] ?? 0, taken);
    }
  }

  #place(hash: number, taken: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = placeOf(hash, mask);
    while (slots[slot + 1] !== EMPTY) slot = (slot + 2) & mask;
    slots[slot] = hash;
    slots[slot + 1] = taken;
  }
}

/** Of the pair where a search for the hash begins; `mask` is one less than the number of all words. */
function placeOf(hash: number, mask: number): number {
  return (hash << 1) & mask;
}
