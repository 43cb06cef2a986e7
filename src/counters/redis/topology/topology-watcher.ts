import type { WarningLogger } from '../../../interfaces/logger.ts';
import { WarningDeduplicator } from '../connection/warning-deduplicator.ts';

export interface TopologyWatcherOptions {
  /** Learns who the masters are. Rejects when nobody tells. */
  readonly refresh: () => Promise<void>;
  /** Whether every master that is known of would be sent something. */
  readonly isComplete: () => boolean;
  /** Longest time between two looks while all is whole. */
  readonly idleIntervalMs: number;
  readonly logger: WarningLogger;
}

/** Longest time until the next look when a master went away or something moved; doubled until all is whole again. */
const FIRST_TROUBLE_MS = 100;
const LONGEST_TROUBLE_MS = 500;

/** Looks again and again who the masters are: rarely while all are there, often while one is away. */
export class TopologyWatcher {
  readonly #options: TopologyWatcherOptions;
  readonly #warnings: WarningDeduplicator;
  #timer: NodeJS.Timeout | undefined;
  /** On the clock of performance.now(). */
  #dueAt = 0;
  #troubleMs = FIRST_TROUBLE_MS;
  #isLooking = false;
  #isClosed = false;

  constructor(options: TopologyWatcherOptions) {
    this.#options = options;
    this.#warnings = new WarningDeduplicator(options.logger, {});
    this.#lookWithin(0);
  }

  /** Something is not as it was known to be: looks soon. */
  refreshSoon(): void {
    this.#lookWithin(FIRST_TROUBLE_MS);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Half of the time is by chance, so that nodes do not ask all at once. */
  #lookWithin(longestMs: number): void {
    const delayMs = longestMs / 2 + Math.random() * (longestMs / 2);
    const dueAt = performance.now() + delayMs;
    if (this.#isClosed || this.#isLooking || (this.#timer !== undefined && this.#dueAt <= dueAt)) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => void this.#look(), delayMs);
  }

  async #look(): Promise<void> {
    this.#timer = undefined;
    this.#isLooking = true;
    try {
      await this.#options.refresh();
      this.#warnings.reset();
    } catch (error) {
      if (!this.#isClosed) this.#warnings.warn('counters: cannot learn who the Redis masters are', error);
    }
    this.#isLooking = false;
    const isWhole = this.#options.isComplete();
    this.#lookWithin(isWhole ? this.#options.idleIntervalMs : this.#troubleMs);
    this.#troubleMs = isWhole ? FIRST_TROUBLE_MS : Math.min(2 * this.#troubleMs, LONGEST_TROUBLE_MS);
  }
}
