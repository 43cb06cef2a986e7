/**
 * Those who wait for a turn, by key. The next turn is that of the key that had none for the longest time. So a key that
 * comes for the first time goes before those that keep coming. Among keys that had no turn, the latest goes first:
 * otherwise it would wait behind all of a flood that comes from many keys at once.
 */
export class FairTurns<Item> {
  readonly #waiting = new Map<string, Set<Item>>();
  /** Number of the last turn, by key; the latest at the end. */
  readonly #lastTurns = new Map<string, number>();
  readonly #maxRemembered: number;
  #turn = 0;

  /** Forgets when keys had their last turn beyond `maxRemembered` keys, those of the longest time ago first. */
  constructor(maxRemembered: number) {
    this.#maxRemembered = maxRemembered;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  add(key: string, item: Item): void {
    const items = this.#waiting.get(key);
    if (items === undefined) this.#waiting.set(key, new Set([item]));
    else items.add(item);
  }

  /** Removes an item, if it still waits. */
  remove(key: string, item: Item): void {
    const items = this.#waiting.get(key);
    if (items?.delete(item) && items.size === 0) this.#waiting.delete(key);
  }

  /** Removes and returns the item whose turn it is. undefined: nobody waits. */
  takeNext(): Item | undefined {
    let next: { readonly key: string; readonly lastTurn: number } | undefined;
    for (const key of this.#waiting.keys()) {
      const lastTurn = this.#lastTurns.get(key) ?? 0;
      if (next === undefined || lastTurn < next.lastTurn || lastTurn === 0) next = { key, lastTurn };
    }
    if (next === undefined) return undefined;
    const { key } = next;
    const [item] = this.#waiting.get(key) ?? [];
    if (item !== undefined) this.remove(key, item);
    this.#noteTurn(key);
    return item;
  }

  #noteTurn(key: string): void {
    this.#turn += 1;
    this.#lastTurns.delete(key);
    this.#lastTurns.set(key, this.#turn);
    const [oldest] = this.#lastTurns.keys();
    if (this.#lastTurns.size > this.#maxRemembered && oldest !== undefined) this.#lastTurns.delete(oldest);
  }
}
