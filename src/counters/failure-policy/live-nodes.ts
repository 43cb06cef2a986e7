export interface LiveNodesOptions {
  /** Names this node; no other one has the name. */
  readonly node: string;
  /** Says that the node is there for so many ms; how many nodes are, itself included. Rejects when it cannot be told. */
  readonly announce: (node: string, lifeMs: number) => Promise<number>;
  /** Told `count` each time that the node was counted. */
  readonly onCount: (count: number) => void;
}

/** Between two announcements. */
const EVERY_MS = 5000;
/** After one that failed. */
const AGAIN_MS = 1000;
/** A node may miss one. */
const LIFE_MS = 12_000;

/**
 * Counts the nodes that share the counters, so that each knows its share while they cannot be reached: then the last count
 * holds.
 */
export class LiveNodes {
  readonly #options: LiveNodesOptions;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #last = 1;
  #before = 1;

  constructor(options: LiveNodesOptions) {
    this.#options = options;
    void this.#announce();
  }

  /**
   * At least 1. The larger one of the last two counts: where the server comes back with nothing, those who announce
   * themselves first find few, and must not take that for the share of an outage that follows at once.
   */
  get count(): number {
    return Math.max(this.#last, this.#before);
  }

  /** The others count this node until its last announcement ends. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #announce(): Promise<void> {
    const { node, announce, onCount } = this.#options;
    let delay = EVERY_MS;
    try {
      const count = await announce(node, LIFE_MS);
      this.#before = this.#last;
      this.#last = count;
      onCount(this.count);
    } catch {
      // What is wrong with the server is told where decisions meet it.
      delay = AGAIN_MS;
    }
    if (this.#isClosed) return;
    // Not all nodes at once.
    this.#timer = setTimeout(() => void this.#announce(), delay * (1 - Math.random() / 4));
    this.#timer.unref();
  }
}
