import type { Logger } from '../interfaces/logger.ts';
import type { StoreFill } from './store-fill.ts';

export interface FillWatchOptions {
  /** Reads how full the store is; rejects if that is unknown. */
  readonly readFill: () => StoreFill | Promise<StoreFill>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly intervalMs?: number;
}

const DEFAULT_INTERVAL_MS = 10_000;
/** Delays are shorter by up to this part, at random, so that nodes do not ask all at once. */
const MAX_JITTER = 1 / 4;
/** From this part of the room on, the log warns. */
const WARNING_RATIO = 0.8;
/** Below this part of the room, the warning is over. */
const RECOVERED_RATIO = 0.75;
/** A warning comes again after this time. */
const WARNING_INTERVAL_MS = 10 * 60_000;
const MAX_LOGGED_RULES = 5;

/** Reads regularly how full the store of counters is, and warns before new counters find no room. */
export class FillWatch {
  readonly #options: FillWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #fill: StoreFill = { ratio: undefined, byRule: [] };
  /** Time of the last warning, on the clock of performance.now(). undefined: there is nothing to warn about. */
  #warnedAt: number | undefined;

  constructor(options: FillWatchOptions) {
    this.#options = options;
    void this.#poll();
  }

  /** The state of the last reading that succeeded. */
  get fill(): StoreFill {
    return this.#fill;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #poll(): Promise<void> {
    const { readFill, intervalMs = DEFAULT_INTERVAL_MS } = this.#options;
    try {
      this.#fill = await readFill();
      this.#warn(this.#fill);
    } catch {
      // Decisions meet the same failure, and their store logs it.
    }
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#poll(), intervalMs * (1 - Math.random() * MAX_JITTER));
    this.#timer.unref();
  }

  #warn({ ratio = 0, byRule }: StoreFill): void {
    const { log } = this.#options;
    const now = performance.now();
    if (ratio >= WARNING_RATIO && now - (this.#warnedAt ?? Number.NEGATIVE_INFINITY) >= WARNING_INTERVAL_MS) {
      this.#warnedAt = now;
      const fields = { fill_ratio: Math.round(ratio * 1000) / 1000, counters: byRule.slice(0, MAX_LOGGED_RULES) };
      log.warn(fields, 'the room for counters runs out; new subjects of the rule with most counters lose theirs first');
    } else if (ratio < RECOVERED_RATIO && this.#warnedAt !== undefined) {
      this.#warnedAt = undefined;
      log.info({ fill_ratio: Math.round(ratio * 1000) / 1000 }, 'there is room for counters again');
    }
  }
}
