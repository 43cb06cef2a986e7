/**
 * A map of two generations. New entries go into the young one. `rotate` drops the old generation as a whole and lets
 * the young one grow old, so that forgetting costs nothing per entry. The owner decides when to rotate: by time, by
 * number of entries or by their size.
 */
export class GenerationalMap<Key, Value> {
  #young = new Map<Key, Value>();
  #old = new Map<Key, Value>();

  /** Number of entries. A key that is in both generations counts twice. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get youngSize(): number {
    return this.#young.size;
  }

  /** Finds the value in either generation; the young one takes precedence. */
  get(key: Key): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  getYoung(key: Key): Value | undefined {
    return this.#young.get(key);
  }

  getOld(key: Key): Value | undefined {
    return this.#old.get(key);
  }

  /** Puts the value into the young generation, whether or not the old one has the key. */
  set(key: Key, value: Value): void {
    this.#young.set(key, value);
  }

  delete(key: Key): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  rotate(): void {
    this.#old = this.#young;
    this.#young = new Map();
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
  }
}
