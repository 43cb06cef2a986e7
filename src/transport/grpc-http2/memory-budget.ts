/** Limits on the memory of unfinished messages, in bytes. */
export interface MemoryLimits {
  /** For one connection: a few messages of the maximum size, whose buffers grow by doubling. */
  readonly connection: number;
  /** For all connections of one network of clients. */
  readonly network: number;
  /** For all connections together. A message in one DATA frame, as nearly all are, needs none of it. */
  readonly total: number;
}

/**
 * Memory of messages that have not arrived completely or are not inflated yet, over all connections of a server. It is
 * only counted here; the caller gives up a message that exceeds the budget.
 */
export class MemoryBudget {
  readonly #limits: MemoryLimits;
  #totalBytes = 0;
  readonly #bytesByNetwork = new Map<string, number>();

  constructor(limits: MemoryLimits) {
    this.#limits = limits;
  }

  /**
   * Returns a function that counts the memory of one connection. It takes the change in bytes, which may be negative,
   * and returns whether connection, network and server are within the budget afterwards.
   */
  forConnection(network: string): (change: number) => boolean {
    const { connection, total, network: ofNetwork } = this.#limits;
    let connectionBytes = 0;
    return (change) => {
      connectionBytes += change;
      this.#totalBytes += change;
      const networkBytes = this.#changeNetwork(network, change);
      return connectionBytes <= connection && networkBytes <= ofNetwork && this.#totalBytes <= total;
    };
  }

  #changeNetwork(network: string, change: number): number {
    const bytes = (this.#bytesByNetwork.get(network) ?? 0) + change;
    if (bytes > 0) this.#bytesByNetwork.set(network, bytes);
    else this.#bytesByNetwork.delete(network);
    return bytes;
  }
}
