import type { WarningLogger } from '../../../interfaces/logger.ts';

/** Logs a warning only when its reason differs from the last one: reconnecting repeats for as long as a server is down. */
export class WarningDeduplicator {
  readonly #logger: WarningLogger;
  /** Fields of every log line. */
  readonly #fields: object;
  #lastReason = '';

  constructor(logger: WarningLogger, fields: object) {
    this.#logger = logger;
    this.#fields = fields;
  }

  warn(message: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : 'unknown';
    if (reason === this.#lastReason) return;
    this.#lastReason = reason;
    this.#logger.warn({ ...this.#fields, reason }, message);
  }

  /** Logs the next warning even if its reason is the last one again. Returns whether there was a warning. */
  reset(): boolean {
    const hasWarned = this.#lastReason !== '';
    this.#lastReason = '';
    return hasWarned;
  }
}
