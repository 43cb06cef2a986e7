import type { StoreLogger } from '../../../interfaces/logger.ts';
import { WarningDeduplicator } from '../connection/warning-deduplicator.ts';

export interface TopologyWatcherOptions {
  /** Discovers the masters. Rejects when no server answers. */
  readonly refresh: () => Promise<void>;
  /** Whether every known master would get a call now. */
  readonly isComplete: () => boolean;
  /** Longest time between two refreshes while the topology is complete. */
  readonly idleIntervalMs: number;
  readonly logger: StoreLogger;
}

/** Longest time until the next refresh after a master went down or a slot moved. It doubles until all masters are up. */
const MIN_RETRY_INTERVAL_MS = 100;
const MAX_RETRY_INTERVAL_MS = 500;

/** Refreshes the known masters periodically: rarely while all are up, often while one is down. */
export class TopologyWatcher {
  readonly #options: TopologyWatcherOptions;
  readonly #warnings: WarningDeduplicator;
  #timer: NodeJS.Timeout | undefined;
  /** ms on the clock of performance.now(). */
  #dueAt = 0;
  #retryIntervalMs = MIN_RETRY_INTERVAL_MS;
  #isRefreshing = false;
  #isClosed = false;

  constructor(options: TopologyWatcherOptions) {
    this.#options = options;
    this.#warnings = new WarningDeduplicator(options.logger, {});
    this.#refreshWithin(0);
  }

  /** Schedules a refresh soon, because a call showed that the known topology is out of date. */
  refreshSoon(): void {
    this.#refreshWithin(MIN_RETRY_INTERVAL_MS);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Schedules a refresh unless one is due earlier. Half of the delay is random, so that nodes do not ask all at once. */
  #refreshWithin(maxDelayMs: number): void {
    const delayMs = maxDelayMs / 2 + Math.random() * (maxDelayMs / 2);
    const dueAt = performance.now() + delayMs;
    if (this.#isClosed || this.#isRefreshing || (this.#timer !== undefined && this.#dueAt <= dueAt)) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => void this.#refresh(), delayMs);
  }

  async #refresh(): Promise<void> {
    this.#timer = undefined;
    this.#isRefreshing = true;
    try {
      await this.#options.refresh();
      if (this.#warnings.reset()) this.#options.logger.info({}, 'counters: the Redis masters are known again');
    } catch (error) {
      if (!this.#isClosed) this.#warnings.warn('counters: cannot learn who the Redis masters are', error);
    }
    this.#isRefreshing = false;
    const isComplete = this.#options.isComplete();
    this.#refreshWithin(isComplete ? this.#options.idleIntervalMs : this.#retryIntervalMs);
    this.#retryIntervalMs = isComplete
      ? MIN_RETRY_INTERVAL_MS
      : Math.min(2 * this.#retryIntervalMs, MAX_RETRY_INTERVAL_MS);
  }
}
