import { tokenSuffix } from './token-cache.ts';
import type { TokenJob, ValidationResult } from './worker-messages.ts';

const TICKS_PER_TIMEOUT = 10;
/** Tokens that were verified before have as much room of their own, as have the others. */
const MAX_JOBS = 2_048;
/** Lower than the maximum of all senders, so that one of them leaves room for the others. */
const MAX_JOBS_PER_SENDER = 512;
/** Length of all tokens with the same room together. One sender's tokens of 16 KiB take at most half of it. */
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

/** Room that jobs take. */
class JobRoom {
  readonly #countBySender = new Map<string, number>();
  #count = 0;
  #characters = 0;

  hasRoom({ token, sender }: NewJob): boolean {
    if (this.#count >= MAX_JOBS || this.#characters + token.length > MAX_CHARACTERS) return false;
    return (this.#countBySender.get(sender) ?? 0) < MAX_JOBS_PER_SENDER;
  }

  add({ token, sender }: NewJob): void {
    this.#count++;
    this.#characters += token.length;
    this.#countBySender.set(sender, (this.#countBySender.get(sender) ?? 0) + 1);
  }

  remove({ token, sender }: NewJob): void {
    this.#count--;
    this.#characters -= token.length;
    const ofSender = (this.#countBySender.get(sender) ?? 0) - 1;
    if (ofSender > 0) this.#countBySender.set(sender, ofSender);
    else this.#countBySender.delete(sender);
  }
}

/** A token to verify. */
type NewJob = Pick<TokenJob, 'token' | 'sender' | 'isRenewal'>;

const UNAVAILABLE: ValidationResult = { kind: 'unavailable' };

/**
 * Holds the tokens that are being verified, and who waits for them. The number of tokens is limited, and the time that
 * each one may take.
 */
export class VerificationQueue {
  /** By id, in the order of their deadlines. */
  readonly #jobs = new Map<number, QueuedJob>();
  readonly #jobsBySuffix = new Map<string, QueuedJob>();
  readonly #newTokens = new JobRoom();
  /** Forgeries cannot take this room: all tokens in it were verified before. */
  readonly #renewals = new JobRoom();
  readonly #timer: NodeJS.Timeout;
  /** Callers who found the queue full and will be answered later. */
  #delayedCallbacks: Callback[] = [];
  /** Unix time in ms at which the first of them came. */
  #delayedSince = 0;
  readonly #timeoutMs: number;
  #lastId = 0;

  /** A token must be verified within `timeoutMs`. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#timer = setInterval(() => this.#expire(Date.now()), timeoutMs / TICKS_PER_TIMEOUT);
    this.#timer.unref();
  }

  /**
   * Adds a caller who waits for a token. Returns the job for the worker. undefined: there is a job for this token
   * already, or no room for another one. Calls back once.
   */
  add(added: NewJob, callback: Callback): TokenJob | undefined {
    const { token } = added;
    const queued = this.#jobsBySuffix.get(tokenSuffix(token));
    if (queued !== undefined && queued.token === token) {
      if (queued.callbacks.length < MAX_CALLERS_PER_TOKEN) queued.callbacks.push(callback);
      else this.#answerLater(callback);
      return undefined;
    }
    const room = this.#roomFor(added);
    if (!room.hasRoom(added)) {
      this.#answerLater(callback);
      return undefined;
    }
    const id = ++this.#lastId;
    const deadline = Date.now() + this.#timeoutMs;
    const job: TokenJob = { ...added, id, deadline };
    const queuedJob: QueuedJob = { ...job, callbacks: [callback] };
    this.#jobs.set(id, queuedJob);
    this.#jobsBySuffix.set(tokenSuffix(token), queuedJob);
    room.add(added);
    return job;
  }

  /** Removes a job and passes the result to its callers. Does nothing if the job has expired. */
  finish(id: number, result: ValidationResult): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    this.#remove(job);
    for (const callback of job.callbacks) {
      if (result.kind === 'crowded_out') this.#answerLater(callback);
      else callback(result);
    }
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

  #roomFor({ isRenewal }: NewJob): JobRoom {
    return isRenewal ? this.#renewals : this.#newTokens;
  }

  #remove(job: QueuedJob): void {
    const { id, token } = job;
    this.#jobs.delete(id);
    this.#roomFor(job).remove(job);
    const suffix = tokenSuffix(token);
    // Another token with the same suffix may have replaced this one.
    if (this.#jobsBySuffix.get(suffix)?.id === id) this.#jobsBySuffix.delete(suffix);
  }
}
