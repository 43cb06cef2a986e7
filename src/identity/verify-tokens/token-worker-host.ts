import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { HostList } from '../../domain/issuers/key-url.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { JobResult, MessageFromWorker, MessageToWorker } from './worker-messages.ts';

/** Heap of the worker. With 2,048 tokens and the keys of many issuers it uses 30 MB. */
const MAX_HEAP_MB = 256;
const MIN_RESTART_DELAY_MS = 100;
const MAX_RESTART_DELAY_MS = 5_000;
/** A worker that has jobs and sends nothing for this long hangs. Fetching keys takes at most 5 s. */
const MAX_SILENCE_MS = 10_000;

/** Settings of the worker. It gets them when it starts. */
export interface TokenWorkerSettings {
  /** Hosts from which keys may be fetched over plain http. */
  readonly insecureHosts: HostList;
  /** Hosts that may have addresses which are not of the public Internet. */
  readonly privateHosts: HostList;
}

export interface TokenWorkerOptions {
  readonly settings: TokenWorkerSettings;
  /** Whether the thread starts with the first message. Its first tokens then wait for it. */
  readonly startsLazily: boolean;
}

export interface TokenWorkerEvents {
  readonly onResults: (results: readonly JobResult[]) => void;
  /** Called when the keys of an issuer were fetched, or could not be. */
  readonly onKeyFetch: (issuerId: string, isSuccess: boolean) => void;
  /** Called when the worker has ended. Everything sent to it is lost, including the trusted signers. */
  readonly onEnd: () => void;
  readonly log: Logger;
}

/** Runs token-worker.ts in a worker thread. Restarts it whenever it ends or hangs. */
export class TokenWorkerHost {
  readonly #settings: TokenWorkerSettings;
  #isStarted = false;
  readonly #events: TokenWorkerEvents;
  /** undefined before the first one, and between the end of a worker and the start of the next. */
  #worker: Worker | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  #restartDelayMs = MIN_RESTART_DELAY_MS;
  #isClosed = false;
  /** Time of the first jobs sent since the last message from the worker; undefined: there were none. */
  #silentSince: number | undefined;

  constructor({ settings, startsLazily }: TokenWorkerOptions, events: TokenWorkerEvents) {
    this.#settings = settings;
    this.#events = events;
    if (!startsLazily) this.#start();
  }

  /** Sends a message. Returns false if there is no worker at the moment; then nothing was sent. */
  send(message: MessageToWorker): boolean {
    if (!this.#isStarted && !this.#isClosed) this.#start();
    if (this.#worker === undefined) return false;
    const now = performance.now();
    if (message.kind === 'jobs') this.#silentSince ??= now;
    if (now - (this.#silentSince ?? now) > MAX_SILENCE_MS) {
      this.#events.log.error({ ms: MAX_SILENCE_MS }, 'the token worker does not respond; terminating it');
      void this.#worker.terminate();
    }
    this.#worker.postMessage(message);
    return true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#restartTimer);
    await this.#worker?.terminate();
  }

  #start(): void {
    this.#isStarted = true;
    const file = fileURLToPath(import.meta.url);
    const worker = new Worker(path.join(path.dirname(file), `token-worker${path.extname(file)}`), {
      workerData: this.#settings,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    this.#worker = worker;
    // The servers keep the process alive, not this thread.
    worker.unref();
    worker.on('message', (message: MessageFromWorker) => this.#receive(message));
    worker.on('error', (error) => this.#events.log.error({ err: error }, 'the token worker failed'));
    worker.on('exit', () => this.#handleExit());
  }

  #receive(message: MessageFromWorker): void {
    this.#restartDelayMs = MIN_RESTART_DELAY_MS;
    this.#silentSince = undefined;
    if (message.kind === 'results') this.#events.onResults(message.results);
    else if (message.kind === 'keys_fetched') this.#events.onKeyFetch(message.issuerId, true);
    else {
      const { issuerId, problem } = message;
      this.#events.onKeyFetch(issuerId, false);
      this.#events.log.warn({ issuer: issuerId, problem }, 'could not fetch the keys of an issuer');
    }
  }

  #handleExit(): void {
    this.#worker = undefined;
    this.#silentSince = undefined;
    this.#events.onEnd();
    if (this.#isClosed) return;
    this.#events.log.warn({ ms: this.#restartDelayMs }, 'the token worker ended; restarting it');
    this.#restartTimer = setTimeout(() => this.#start(), this.#restartDelayMs);
    this.#restartTimer.unref();
    this.#restartDelayMs = Math.min(this.#restartDelayMs * 2, MAX_RESTART_DELAY_MS);
  }
}
