import { placeOf } from './token-cache.ts';
import type { Judgement, TokenJob } from './worker-messages.ts';

/** ms in which a signature must be verified; Envoy waits 200 for a Check unless it is told otherwise. */
const DEADLINE_MS = 1_000;
/** Tokens that are being verified: of everybody, and of one sender, so that one leaves room for others. */
const MOST_JOBS = 2_048;
const MOST_OF_SOURCE = 512;
const MOST_CHARACTERS = 4 * 1024 * 1024;
/** Questions that wait for one token: a client may send many requests before its first answer. */
const MOST_WAITING = 1_024;

/** Those who are refused for lack of room are answered within so many ms, so that they do not come again at once. */
const REFUSAL_MS = 500;
const MOST_REFUSED = 4_096;

type Done = (judgement: Judgement) => void;

interface Job extends TokenJob {
  readonly waiting: Done[];
}

const UNAVAILABLE: Judgement = { kind: 'unavailable' };

/** The tokens that are being verified: so many and no more, each for so long and no longer. */
export class VerificationQueue {
  /** In the order of their deadlines. */
  readonly #jobs = new Map<number, Job>();
  /** By `placeOf` their tokens. */
  readonly #byPlace = new Map<string, Job>();
  readonly #ofSource = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #refused: Done[] = [];
  #refusedSince = 0;
  #lastId = 0;
  #characters = 0;

  constructor() {
    this.#timer = setInterval(() => this.#expire(Date.now()), DEADLINE_MS / 10);
    this.#timer.unref();
  }

  /** A new job for the thread, or undefined: there is one for this token already, or no room for another. */
  add(token: string, source: string, done: Done): TokenJob | undefined {
    const known = this.#byPlace.get(placeOf(token));
    if (known !== undefined && known.token === token) {
      if (known.waiting.length < MOST_WAITING) known.waiting.push(done);
      else this.#refuse(done);
      return undefined;
    }
    const ofSource = this.#ofSource.get(source) ?? 0;
    const isFull = this.#jobs.size >= MOST_JOBS || this.#characters + token.length > MOST_CHARACTERS;
    if (isFull || ofSource >= MOST_OF_SOURCE) {
      this.#refuse(done);
      return undefined;
    }
    const job: Job = { id: ++this.#lastId, token, source, until: Date.now() + DEADLINE_MS, waiting: [done] };
    this.#jobs.set(job.id, job);
    this.#byPlace.set(placeOf(token), job);
    this.#ofSource.set(source, ofSource + 1);
    this.#characters += token.length;
    return { id: job.id, token, source, until: job.until };
  }

  /** The token of a job, which is taken out; nothing where nobody waits for it any more. */
  take(id: number): { readonly token: string; readonly waiting: readonly Done[] } | undefined {
    const job = this.#jobs.get(id);
    if (job !== undefined) this.#remove(job);
    return job;
  }

  /** Answers all of them that it cannot be told. */
  giveUp(): void {
    for (const job of [...this.#jobs.values()]) this.#fail(job);
  }

  #refuse(done: Done): void {
    if (this.#refused.length >= MOST_REFUSED) done(UNAVAILABLE);
    else if (this.#refused.push(done) === 1) this.#refusedSince = Date.now();
  }

  #answerRefused(): void {
    const refused = this.#refused;
    this.#refused = [];
    for (const done of refused) done(UNAVAILABLE);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#answerRefused();
    this.giveUp();
  }

  #expire(now: number): void {
    if (now >= this.#refusedSince + REFUSAL_MS) this.#answerRefused();
    for (const job of this.#jobs.values()) {
      if (job.until > now) break;
      this.#fail(job);
    }
  }

  #fail(job: Job): void {
    this.#remove(job);
    for (const done of job.waiting) done(UNAVAILABLE);
  }

  #remove(job: Job): void {
    const { id, token, source } = job;
    this.#jobs.delete(id);
    if (this.#byPlace.get(placeOf(token)) === job) this.#byPlace.delete(placeOf(token));
    this.#characters -= token.length;
    const left = (this.#ofSource.get(source) ?? 0) - 1;
    if (left > 0) this.#ofSource.set(source, left);
    else this.#ofSource.delete(source);
  }
}
