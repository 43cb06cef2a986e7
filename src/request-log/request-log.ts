import { setTimeout as sleep } from 'node:timers/promises';
import type { LoggedRequest } from '../domain/logged-request.ts';
import type { Logger } from '../interfaces/logger.ts';

/** Why requests were dropped: too many wait for Postgres, or Postgres did not take them. */
export type DroppedRequests = 'full' | 'failed';

export interface RequestLogOptions {
  /** Writes requests to Postgres. */
  readonly write: (requests: readonly LoggedRequest[]) => Promise<void>;
  /** Whether an error of `write` means that Postgres is away, so that the same requests can be written later. */
  readonly isUnavailable: (error: unknown) => boolean;
  readonly recordDropped: (reason: DroppedRequests, count: number) => void;
  readonly log: Pick<Logger, 'warn'>;
}

/** A batch is written when it has this many requests, or when its first one has waited for `MAX_DELAY_MS`. */
const MAX_BATCH = 1_000;
const MAX_DELAY_MS = 1_000;
/** Up to 40 MB, with the longest texts. */
const MAX_WAITING = 20_000;
const RETRY_DELAY_MS = 1_000;
const STOP_TIMEOUT_MS = 5_000;

/** Writes requests in batches. They are lost if the process is killed, if Postgres is away for too long, or if there are too many. */
export class RequestLog {
  readonly #options: RequestLogOptions;
  #waiting: LoggedRequest[] = [];
  #writing: Promise<void> | undefined;
  /** Ends the wait for a full batch. */
  #batchIsFull = new AbortController();
  readonly #stopping = new AbortController();

  constructor(options: RequestLogOptions) {
    this.#options = options;
  }

  /** Takes requests to write within about a second. Those without room are dropped. */
  add(requests: readonly LoggedRequest[]): void {
    const taken = requests.slice(0, Math.max(0, MAX_WAITING - this.#waiting.length));
    if (taken.length < requests.length) this.#options.recordDropped('full', requests.length - taken.length);
    if (taken.length === 0) return;
    this.#waiting.push(...taken);
    if (this.#waiting.length >= MAX_BATCH) this.#batchIsFull.abort();
    this.#writing ??= this.#writeWaiting();
  }

  /** Writes the requests that wait, unless Postgres is away. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#batchIsFull.abort();
    await Promise.race([this.#writing, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
  }

  async #writeWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      if (this.#waiting.length < MAX_BATCH) await this.#waitForBatch();
      const batch = this.#waiting.slice(0, MAX_BATCH);
      try {
        await this.#options.write(batch);
      } catch (error) {
        if (this.#options.isUnavailable(error) && !this.#stopping.signal.aborted) {
          await wait(RETRY_DELAY_MS, this.#stopping.signal);
          continue;
        }
        this.#options.recordDropped('failed', batch.length);
        this.#options.log.warn({ err: error, requests: batch.length }, 'writing the request log failed; rows are lost');
      }
      this.#waiting = this.#waiting.slice(batch.length);
    }
    this.#writing = undefined;
  }

  async #waitForBatch(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#batchIsFull = new AbortController();
    await wait(MAX_DELAY_MS, this.#batchIsFull.signal);
  }
}

/** Ends early when `signal` is aborted. */
async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {}); // rejects when aborted
}
