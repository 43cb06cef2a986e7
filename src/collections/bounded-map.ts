/** `clear` drops all entries to make room for a new key; `keep` keeps them and does not add the new key. */
export type WhenFull = 'clear' | 'keep';

/**
 * A Map that holds at most `maxSize` entries. For caches that rarely fill up: choose `clear` if the keys change over
 * time, and `keep` if the first keys are as good as any. Only `set` differs from Map, so reading costs the same.
 */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  readonly #maxSize: number;
  readonly #whenFull: WhenFull;

  constructor(maxSize: number, whenFull: WhenFull) {
    super();
    this.#maxSize = maxSize;
    this.#whenFull = whenFull;
  }

  /** Replaces the value of a key that is present even if the map is full. */
  override set(key: Key, value: Value): this {
    if (this.size >= this.#maxSize && !this.has(key)) {
      if (this.#whenFull === 'keep') return this;
      this.clear();
    }
    return super.set(key, value);
  }
}
