export interface LiveNodesOptions {
  /** Name of this node. No other node has it. */
  readonly node: string;
  /**
   * Announces that the node lives for `ttlMs` more. Resolves with the number of live nodes, this one included; rejects
   * when the number is unknown.
   */
  readonly announce: (node: string, ttlMs: number) => Promise<number>;
  /** Called with `count` after each announcement that succeeded. */
  readonly onCount: (count: number) => void;
}

const ANNOUNCE_INTERVAL_MS = 5000;
/** Delay after an announcement that failed. */
const RETRY_DELAY_MS = 1000;
/** A node may miss one announcement and still counts. */
const ANNOUNCEMENT_TTL_MS = 12_000;
/** Delays are shorter by up to this part, at random, so that nodes do not announce themselves all at once. */
const MAX_JITTER = 1 / 4;

/**
 * Counts the nodes that share the counters, so that each node knows its share of a limit while the counters are
 * unavailable. During that time the last count holds.
 */
export class LiveNodes {
  readonly #options: LiveNodesOptions;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #lastCount = 1;
  #previousCount = 1;

  constructor(options: LiveNodesOptions) {
    this.#options = options;
    void this.#announce();
  }

  /**
   * The larger of the last two counts; at least 1. Where the server comes back empty, the nodes that announce
   * themselves first count few others. They must not take that for their share in an outage that follows at once.
   */
  get count(): number {
    return Math.max(this.#lastCount, this.#previousCount);
  }

  /** Stops announcing this node. The others count it until its last announcement expires. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #announce(): Promise<void> {
    const { node, announce, onCount } = this.#options;
    let delayMs = ANNOUNCE_INTERVAL_MS;
    try {
      const count = await announce(node, ANNOUNCEMENT_TTL_MS);
      this.#previousCount = this.#lastCount;
      this.#lastCount = count;
      onCount(this.count);
    } catch {
      // Decisions meet the same failure, and their store logs it.
      delayMs = RETRY_DELAY_MS;
    }
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#announce(), delayMs * (1 - Math.random() * MAX_JITTER));
    this.#timer.unref();
  }
}
