/** A queue in which groups have turns one after the other. Within a group, items have turns in the order of arrival. */
export class TurnQueue<Item> {
  /** Items by group. The group that just had a turn moves to the end. No set is empty. */
  readonly #groups = new Map<string, Set<Item>>();

  get isEmpty(): boolean {
    return this.#groups.size === 0;
  }

  add(group: string, item: Item): void {
    const items = this.#groups.get(group);
    if (items === undefined) this.#groups.set(group, new Set([item]));
    else items.add(item);
  }

  has(group: string, item: Item): boolean {
    return this.#groups.get(group)?.has(item) === true;
  }

  /** Removes an item, if it is in the queue. */
  remove(group: string, item: Item): void {
    const items = this.#groups.get(group);
    if (items?.delete(item) && items.size === 0) this.#groups.delete(group);
  }

  /** Removes and returns the item whose turn it is. undefined: the queue is empty. */
  takeNext(): Item | undefined {
    for (const [group, items] of this.#groups) {
      this.#groups.delete(group);
      for (const item of items) {
        items.delete(item);
        if (items.size > 0) this.#groups.set(group, items);
        return item;
      }
    }
    return undefined;
  }
}
