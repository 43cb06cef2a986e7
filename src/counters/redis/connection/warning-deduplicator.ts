import type { WarningLogger } from '../../../interfaces/logger.ts';

/** Warns once for each reason in a row: reconnecting goes on for as long as a server is away. */
export class WarningDeduplicator {
  readonly #logger: WarningLogger;
  /** What every line names. */
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

  /** The next reason is told even if it is the last one again. */
  reset(): void {
    this.#lastReason = '';
  }
}
