/** Share of one client: a few messages of the maximum size, whose buffers grow by doubling. */
const MAX_CONNECTION_BYTES = 8 * 1024 * 1024;
/** For all clients together. A request in one DATA frame, as nearly all of Envoy's are, needs none of it. */
const MAX_TOTAL_BYTES = 256 * 1024 * 1024;

/**
 * Memory of messages that have not arrived completely or are not inflated yet, over all connections of a server. It is
 * only counted here; the caller gives up a message that exceeds the budget.
 */
export class MemoryBudget {
  #totalBytes = 0;

  /**
   * Returns a function that counts the memory of one connection. It takes the change in bytes, which may be negative,
   * and returns whether the connection and the server are within the budget afterwards.
   */
  forConnection(): (change: number) => boolean {
    let connectionBytes = 0;
    return (change) => {
      connectionBytes += change;
      this.#totalBytes += change;
      return connectionBytes <= MAX_CONNECTION_BYTES && this.#totalBytes <= MAX_TOTAL_BYTES;
    };
  }
}
