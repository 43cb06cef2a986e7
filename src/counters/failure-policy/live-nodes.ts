import type { NodeCount } from '../redis/batch/node-announcement.ts';

export interface LiveNodesOptions {
  /** Name of this node. No other node has it. */
  readonly node: string;
  /** Whether this node decides. One that does not takes no share of a limit, so it counts the others unannounced. */
  readonly isDeciding: boolean;
  /** Announces that the node lives for `ttlMs` more; with 0, does not announce it any more. Rejects when it fails. */
  readonly announce: (node: string, ttlMs: number) => Promise<NodeCount>;
  /** Whether the shared counters can be asked, so that an announcement is due to succeed. */
  readonly isReachable: () => boolean;
  /** Called with `count` after each announcement that succeeded, from when all other nodes count this one. */
  readonly onCount: (count: number) => void;
}

/** A new node takes its share after this time at the latest, when all others have announced themselves once more. */
const ANNOUNCE_INTERVAL_MS = 1000;
/** Delay after an announcement that failed. */
const RETRY_DELAY_MS = 1000;
/** Delay until the first announcement succeeds, which waits for the connection, and until the other nodes count this one. */
const JOINING_DELAY_MS = 50;
/** A node may miss several announcements and still counts. */
const ANNOUNCEMENT_TTL_MS = 12_000;
/** Delays are shorter by up to this part, at random, so that nodes do not announce themselves all at once. */
const MAX_JITTER = 1 / 4;
/** A count falls only after so many lower ones in a row. In that time all other nodes announce themselves. */
const KEPT_COUNTS = 3;

/**
 * Counts the nodes that decide on the same counters, so that each node knows its share of a limit while the counters are
 * unavailable. During that time the last count holds.
 *
 * A new node takes no share until every other node has announced itself again, and so counted it. Until then the others
 * have the whole limit among them.
 */
export class LiveNodes {
  readonly #options: LiveNodesOptions;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** The last counts, at most KEPT_COUNTS. */
  #counts: readonly number[] = [];
  /** `announcedUntil` of the first announcement. undefined: none has succeeded. */
  #joinedUntil: number | undefined;
  #isCounted = false;

  constructor(options: LiveNodesOptions) {
    this.#options = options;
    void this.#announce();
  }

  /**
   * The largest of the last three counts; at least 1. A count is never lower than the one before while the server counts
   * nodes for less than the life of an announcement. A server that came back empty has not heard from every node yet.
   */
  get count(): number {
    return Math.max(1, ...this.#counts);
  }

  /** The same; undefined: the nodes were not counted yet. */
  get knownCount(): number | undefined {
    return this.#counts.length === 0 ? undefined : this.count;
  }

  /**
   * Whether this node may grant its share of a limit alone. A node that has never reached the shared counters may: it
   * knows of no others.
   */
  get takesShare(): boolean {
    return this.#isCounted || (this.#joinedUntil === undefined && !this.#options.isReachable());
  }

  /** Stops announcing this node, and lets the others no longer count it. If that fails, they count it until it expires. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    const { node, isDeciding, announce } = this.#options;
    if (isDeciding) await announce(node, 0).catch(() => undefined);
  }

  async #announce(): Promise<void> {
    const { node, isDeciding, announce } = this.#options;
    let delayMs = this.#joinedUntil === undefined ? JOINING_DELAY_MS : RETRY_DELAY_MS;
    try {
      this.#record(await announce(node, isDeciding ? ANNOUNCEMENT_TTL_MS : 0));
      delayMs = this.#isCounted ? ANNOUNCE_INTERVAL_MS : JOINING_DELAY_MS;
    } catch {
      // Decisions meet the same failure, and their store logs it.
    }
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#announce(), delayMs * (1 - Math.random() * MAX_JITTER));
    this.#timer.unref();
  }

  #record({ nodes, announcedUntil, oldestUntil, countedForMicros }: NodeCount): void {
    const isComplete = countedForMicros >= ANNOUNCEMENT_TTL_MS * 1000;
    this.#counts = [...this.#counts, isComplete ? nodes : Math.max(nodes, this.count)].slice(-KEPT_COUNTS);
    // The smaller one after the first: the clock of the server was set back.
    this.#joinedUntil = Math.min(this.#joinedUntil ?? announcedUntil, announcedUntil);
    this.#isCounted ||= !this.#options.isDeciding || oldestUntil >= this.#joinedUntil;
    if (this.#isCounted) this.#options.onCount(this.count);
  }
}
