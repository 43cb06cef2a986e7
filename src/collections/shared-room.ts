/** Counts what is in progress, in all and by key, so that no key can take the room of all others. */
export class SharedRoom {
  readonly #size: number;
  readonly #sizePerKey: number;
  #used = 0;
  readonly #usedByKey = new Map<string, number>();

  constructor(size: number, sizePerKey: number) {
    this.#size = size;
    this.#sizePerKey = sizePerKey;
  }

  /** Returns whether there is room for one more of this key. If so, `leave` must follow. */
  enter(key: string): boolean {
    const ofKey = this.#usedByKey.get(key) ?? 0;
    if (this.#used >= this.#size || ofKey >= this.#sizePerKey) return false;
    this.#used += 1;
    this.#usedByKey.set(key, ofKey + 1);
    return true;
  }

  leave(key: string): void {
    this.#used -= 1;
    const left = (this.#usedByKey.get(key) ?? 1) - 1;
    if (left > 0) this.#usedByKey.set(key, left);
    else this.#usedByKey.delete(key);
  }
}
