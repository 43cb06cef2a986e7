import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace';

/** Spans that wait to be sent: about 4 MB. */
const MAX_WAITING_SPANS = 4_096;
const MAX_BATCH_SPANS = 512;
/** Time that spans wait for more of them. */
const BATCH_DELAY_MS = 1_000;

/** Spans that have ended, by their fate. */
export interface SpanCounts {
  exported: number;
  /** There was no room: the receiver takes fewer than are sampled. */
  dropped: number;
  /** The receiver rejected them, or could not be reached in time. */
  failed: number;
}

/**
 * Sends spans in batches, one batch at a time. Spans without room are dropped. The SDK's own processor does that, too, but
 * does not count what it loses.
 */
export class BatchingSpanProcessor implements SpanProcessor {
  readonly counts: SpanCounts = { exported: 0, dropped: 0, failed: 0 };
  readonly #exporter: SpanExporter;
  #waiting: ReadableSpan[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** The export in progress. undefined: there is none. */
  #exporting: Promise<void> | undefined;

  constructor(exporter: SpanExporter) {
    this.#exporter = exporter;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#waiting.length >= MAX_WAITING_SPANS) {
      this.counts.dropped++;
      return;
    }
    this.#waiting.push(span);
    this.#exportSoon();
  }

  /** Resolves when everything that waits has been sent or has failed. */
  async forceFlush(): Promise<void> {
    while (this.#waiting.length > 0 || this.#exporting !== undefined) {
      this.#exportNext();
      await this.#exporting;
    }
  }

  async shutdown(): Promise<void> {
    await this.#exporter.shutdown();
  }

  #exportSoon(): void {
    if (this.#waiting.length >= MAX_BATCH_SPANS) this.#exportNext();
    else this.#timer ??= setTimeout(() => this.#exportNext(), BATCH_DELAY_MS).unref();
  }

  #exportNext(): void {
    if (this.#exporting !== undefined || this.#waiting.length === 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#waiting.splice(0, MAX_BATCH_SPANS);
    this.#exporting = this.#export(batch).then((isExported) => {
      this.counts[isExported ? 'exported' : 'failed'] += batch.length;
      this.#exporting = undefined;
      if (this.#waiting.length > 0) this.#exportSoon();
    });
  }

  /** Returns whether the receiver took the spans. Never rejects. */
  #export(batch: ReadableSpan[]): Promise<boolean> {
    return new Promise<boolean>((resolve) => {
      // ExportResultCode.SUCCESS of @opentelemetry/core.
      this.#exporter.export(batch, ({ code }) => resolve(code === 0));
    }).catch(() => false); // spans that cannot be encoded
  }
}
