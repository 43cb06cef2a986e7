export interface ClockEntry {
  /** Set by the owner when the entry is used; cleared by the hand when it passes. */
  wasUsed: boolean;
}

/**
 * Slots of a cache that evicts by the CLOCK algorithm: a hand goes round the slots and stops at the first entry that
 * was not used since the hand passed it. Close to evicting the least recently used entry, but using an entry only sets
 * a flag.
 */
export class ClockRing<Entry extends ClockEntry> {
  readonly #entries: Entry[] = [];
  readonly #capacity: number;
  #hand = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /**
   * Returns the slot to use next: an empty one while there are any, else the slot of the entry to evict. The caller
   * must `set` an entry there before the next call, or reuse the one that is there.
   */
  nextSlot(): number {
    let entry = this.#entries[this.#hand];
    while (entry?.wasUsed === true) {
      entry.wasUsed = false;
      this.#hand = (this.#hand + 1) % this.#capacity;
      entry = this.#entries[this.#hand];
    }
    const slot = this.#hand;
    this.#hand = (slot + 1) % this.#capacity;
    return slot;
  }

  /** undefined: the slot is empty. */
  get(slot: number): Entry | undefined {
    return this.#entries[slot];
  }

  set(slot: number, entry: Entry): void {
    this.#entries[slot] = entry;
  }
}
