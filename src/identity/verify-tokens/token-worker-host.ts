import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Logger } from '../../interfaces/logger.ts';
import type { FromWorker, Judged, ToWorker } from './worker-messages.ts';

/** MB of its heap; with 2,048 tokens and the keys of many issuers it takes 30. */
const MOST_MEMORY = 256;
/** ms before a thread that ended is started again: at first, and at most. */
const SHORTEST_WAIT = 100;
const LONGEST_WAIT = 5_000;

/** ms without a word after which a thread that has something to do is taken to hang: fetching keys takes 5 s at most. */
const LONGEST_SILENCE = 10_000;

export interface TokenWorkerEvents {
  readonly onResults: (results: readonly Judged[]) => void;
  /** What was sent to it before is lost, also whose signatures are good. */
  readonly onEnd: () => void;
  readonly log: Logger;
}

/** Keeps a thread of token-worker.ts running. */
export class TokenWorkerHost {
  readonly #events: TokenWorkerEvents;
  #worker: Worker | undefined;
  #restart: NodeJS.Timeout | undefined;
  #wait = SHORTEST_WAIT;
  #isClosed = false;
  /** When it was sent the first message since it was heard last. */
  #unheardSince: number | undefined;

  constructor(events: TokenWorkerEvents) {
    this.#events = events;
    this.#start();
  }

  /** False: there is no thread now, nothing was sent. */
  send(message: ToWorker): boolean {
    if (this.#worker === undefined) return false;
    const now = performance.now();
    if (message.kind === 'jobs') this.#unheardSince ??= now;
    if (now - (this.#unheardSince ?? now) > LONGEST_SILENCE) {
      this.#events.log.error({ ms: LONGEST_SILENCE }, 'the thread that verifies tokens hangs and is ended');
      void this.#worker.terminate();
    }
    this.#worker.postMessage(message);
    return true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#restart);
    await this.#worker?.terminate();
  }

  #start(): void {
    const file = fileURLToPath(import.meta.url);
    const worker = new Worker(path.join(path.dirname(file), `token-worker${path.extname(file)}`), {
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY },
    });
    this.#worker = worker;
    // The service ends when its servers do, and not for lack of this.
    worker.unref();
    worker.on('message', (message: FromWorker) => this.#receive(message));
    worker.on('error', (error) => this.#events.log.error({ err: error }, 'the thread that verifies tokens has failed'));
    worker.on('exit', () => this.#ended());
  }

  #receive(message: FromWorker): void {
    this.#wait = SHORTEST_WAIT;
    this.#unheardSince = undefined;
    if (message.kind === 'results') this.#events.onResults(message.results);
    else {
      const { issuerId, problem } = message;
      this.#events.log.warn({ issuer: issuerId, problem }, 'the keys of an issuer could not be fetched');
    }
  }

  #ended(): void {
    this.#worker = undefined;
    this.#unheardSince = undefined;
    this.#events.onEnd();
    if (this.#isClosed) return;
    this.#events.log.warn({ ms: this.#wait }, 'the thread that verifies tokens has ended and is started again');
    this.#restart = setTimeout(() => this.#start(), this.#wait);
    this.#restart.unref();
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }
}
