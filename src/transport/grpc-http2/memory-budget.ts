/** One client's share: a few messages of the largest size, each of which grows by doubling. */
const MOST_OF_CONNECTION = 8 * 1024 * 1024;
/** Requests that are one DATA frame, as Envoy's nearly all are, are never held: only others go without beyond it. */
const MOST_IN_ALL = 256 * 1024 * 1024;

/** Bytes of messages that a server holds because they have not come whole or are not inflated, over all connections. */
export class MemoryBudget {
  #inAll = 0;

  /** For one connection: counts a change, and tells whether no more than may be is held. */
  ofConnection(): (change: number) => boolean {
    let held = 0;
    return (change) => {
      held += change;
      this.#inAll += change;
      return held <= MOST_OF_CONNECTION && this.#inAll <= MOST_IN_ALL;
    };
  }
}
