import { tokenSuffix } from './token-cache.ts';
import type { TokenJob, ValidationResult } from './worker-messages.ts';

/** Time within which a token must be verified. Envoy waits 200 ms for a Check unless it is configured otherwise. */
const VERIFICATION_TIMEOUT_MS = 1_000;
const MAX_JOBS = 2_048;
/** Lower than the maximum of all senders, so that one of them leaves room for the others. */
const MAX_JOBS_PER_SENDER = 512;
/** Length of all tokens in the queue together. One sender's tokens of 16 KiB take at most half of it. */
const MAX_CHARACTERS = 16 * 1024 * 1024;
/** Callers that wait for one token. A client may send many requests before its first one is answered. */
const MAX_CALLERS_PER_TOKEN = 1_024;

/** Callers who find the queue full are answered after up to this time, so that they do not retry at once. */
const OVERFLOW_DELAY_MS = 500;
const MAX_DELAYED_CALLERS = 4_096;

type Callback = (result: ValidationResult) => void;

interface QueuedJob extends TokenJob {
  readonly callbacks: Callback[];
}

const UNAVAILABLE: ValidationResult = { kind: 'unavailable' };

/**
 * Holds the tokens that are being verified, and who waits for them. The number of tokens is limited, and the time that
 * each one may take.
 */
export class VerificationQueue {
  /** By id, in the order of their deadlines. */
  readonly #jobs = new Map<number, QueuedJob>();
  readonly #jobsBySuffix = new Map<string, QueuedJob>();
  readonly #jobCountBySender = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  /** Callers who found the queue full and will be answered later. */
  #delayedCallbacks: Callback[] = [];
  /** Unix time in ms at which the first of them came. */
  #delayedSince = 0;
  #lastId = 0;
  /** Length of all tokens in the queue together. */
  #characters = 0;

  constructor() {
    this.#timer = setInterval(() => this.#expire(Date.now()), VERIFICATION_TIMEOUT_MS / 10);
    this.#timer.unref();
  }

  /**
   * Adds a caller who waits for a token. Returns the job for the worker. undefined: there is a job for this token
   * already, or no room for another one. Calls back once.
   */
  add(token: string, sender: string, callback: Callback): TokenJob | undefined {
    const queued = this.#jobsBySuffix.get(tokenSuffix(token));
    if (queued !== undefined && queued.token === token) {
      if (queued.callbacks.length < MAX_CALLERS_PER_TOKEN) queued.callbacks.push(callback);
      else this.#answerLater(callback);
      return undefined;
    }
    const jobsOfSender = this.#jobCountBySender.get(sender) ?? 0;
    const isFull = this.#jobs.size >= MAX_JOBS || this.#characters + token.length > MAX_CHARACTERS;
    if (isFull || jobsOfSender >= MAX_JOBS_PER_SENDER) {
      this.#answerLater(callback);
      return undefined;
    }
    const id = ++this.#lastId;
    const deadline = Date.now() + VERIFICATION_TIMEOUT_MS;
    const job: QueuedJob = { id, token, sender, deadline, callbacks: [callback] };
    this.#jobs.set(id, job);
    this.#jobsBySuffix.set(tokenSuffix(token), job);
    this.#jobCountBySender.set(sender, jobsOfSender + 1);
    this.#characters += token.length;
    return { id, token, sender, deadline };
  }

  /** Removes a job and passes the result to its callers. Does nothing if the job has expired. */
  finish(id: number, result: ValidationResult): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    this.#remove(job);
    for (const callback of job.callbacks) callback(result);
  }

  /** Removes all jobs with the result `unavailable`. */
  abandonAll(): void {
    for (const job of [...this.#jobs.values()]) this.#abandon(job);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#answerDelayed();
    this.abandonAll();
  }

  #answerLater(callback: Callback): void {
    if (this.#delayedCallbacks.length >= MAX_DELAYED_CALLERS) callback(UNAVAILABLE);
    else if (this.#delayedCallbacks.push(callback) === 1) this.#delayedSince = Date.now();
  }

  #answerDelayed(): void {
    const callbacks = this.#delayedCallbacks;
    this.#delayedCallbacks = [];
    for (const callback of callbacks) callback(UNAVAILABLE);
  }

  #expire(now: number): void {
    if (now >= this.#delayedSince + OVERFLOW_DELAY_MS) this.#answerDelayed();
    for (const job of this.#jobs.values()) {
      if (job.deadline > now) break;
      this.#abandon(job);
    }
  }

  #abandon(job: QueuedJob): void {
    this.#remove(job);
    for (const callback of job.callbacks) callback(UNAVAILABLE);
  }

  #remove({ id, token, sender }: QueuedJob): void {
    this.#jobs.delete(id);
    const suffix = tokenSuffix(token);
    // Another token with the same suffix may have replaced this one.
    if (this.#jobsBySuffix.get(suffix)?.id === id) this.#jobsBySuffix.delete(suffix);
    this.#characters -= token.length;
    const jobsOfSender = (this.#jobCountBySender.get(sender) ?? 0) - 1;
    if (jobsOfSender > 0) this.#jobCountBySender.set(sender, jobsOfSender);
    else this.#jobCountBySender.delete(sender);
  }
}
