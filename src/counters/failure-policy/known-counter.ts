import { windowMicrosOf } from '../../domain/counting/counter-spec.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { GrantHandle } from '../redis/history/grant-handle.ts';
import type { LocalCount } from './local-count.ts';

/** An answer of the shared store about a counter. */
interface Answer {
  /** Hits that are free; below 0 in debt. */
  readonly remaining: number;
  /** µs until the whole limit is free. */
  readonly resetAfter: number;
  /** Time at which the whole limit is free, by the clock of the store. */
  readonly freeAt: number;
}

/** When a question was sent and when its answer came. */
interface Exchange {
  readonly askedAt: number;
  readonly now: number;
}

/** Answers can overtake each other by less than this, in µs. Otherwise, the clock of this process was set back. */
const MAX_DISORDER_MICROS = 1_000_000;
/** Relative drift of two clocks while NTP adjusts them, at most. */
const MAX_DRIFT = 0.001;
/** Hits of other nodes are summed for this long, in µs. */
const OTHERS_PERIOD_MICROS = 500_000;
/**
 * Longest time for which the rate of the other nodes is extrapolated, in µs. A node that heard nothing for longer had no
 * request for the counter, and the rate says little about that time.
 */
const MAX_EXTRAPOLATION_MICROS = 1_000_000;

/** This node's knowledge of one counter of the shared store. Times are µs since 1970 on the clock of this process. */
export class KnownCounter extends GrantHandle {
  readonly subject: string;
  readonly identity: string;
  /** The limit of the last charge. */
  limit: CountedLimit;
  /** The next counter of the same subject. */
  next: KnownCounter | undefined;
  /** Generation of KnownCounters in which the counter was found last. */
  generation = 0;
  /** Hits of decisions that were sent to the store and that it may still grant. */
  inFlight = 0;
  /** Whether the store has not answered the last decision. */
  isSilent = false;
  /** When the store answered; 0: never. */
  answeredAt = 0;
  /** undefined: this node has never decided for the counter alone. */
  localCount: LocalCount | undefined = undefined;
  /** When the question of the last answer was sent. */
  #askedAt = 0;
  /** When the last answer was given, by the clock of the store. */
  #givenAt = 0;
  /** Hits that counted at `answeredAt`. */
  #taken = 0;
  /** When none of them counts any more. */
  #freeAt = 0;
  /** Hits that other nodes took since `#othersSince`, and in the period before. */
  #othersHits = 0;
  #previousOthersHits = 0;
  #othersSince = 0;

  constructor(subject: string, limit: CountedLimit, next: KnownCounter | undefined) {
    super();
    this.subject = subject;
    this.identity = limit.identity;
    this.limit = limit;
    this.next = next;
  }

  /**
   * Records an answer about `limit` to a decision that took `grantedHits`. The limit of the last charge may have other
   * numbers: requests can override them. Ignores an answer that a later one has overtaken.
   */
  recordAnswer(answer: Answer, limit: CountedLimit, grantedHits: number, { askedAt, now }: Exchange): void {
    this.isSilent = false;
    const { remaining, resetAfter, freeAt } = answer;
    const givenAt = freeAt - resetAfter;
    if (this.#isOvertaken(askedAt, givenAt)) return;
    this.#askedAt = askedAt;
    this.#givenAt = givenAt;
    const taken = capacity(limit) - remaining;
    this.#recordOthers(taken - this.#taken - grantedHits, now);
    this.answeredAt = now;
    this.#taken = taken;
    this.#freeAt = now + resetAfter;
  }

  /**
   * The store executes what was sent first, so an answer to an earlier question is out of date. But a question that the
   * store had to be sent twice is executed later, which its clock shows. The clock alone does not say it: after a
   * failover it may be behind.
   */
  #isOvertaken(askedAt: number, givenAt: number): boolean {
    const lead = this.#askedAt - askedAt;
    return lead > 0 && lead < MAX_DISORDER_MICROS && givenAt <= this.#givenAt;
  }

  /**
   * Converts a time of this process to the clock of the store, as its last answer showed it. The result is never too early:
   * it is late by up to the duration of that call and what the clocks may have drifted since. undefined: there was no
   * answer.
   */
  toStoreTime(time: number, now: number): number | undefined {
    if (this.#givenAt === 0) return undefined;
    return Math.ceil(time + this.#givenAt - this.#askedAt + (now - this.#askedAt) * MAX_DRIFT);
  }

  /** Forgets the last answer, because the counter was corrected manually. */
  forgetAnswer(): void {
    this.answeredAt = 0;
    this.#taken = 0;
    this.#freeAt = 0;
  }

  /** Whether the last answer still says something: some of the hits that it knew still count. */
  isKnownAt(now: number): boolean {
    return this.answeredAt > 0 && now < this.freeAt;
  }

  /** When the hits of the last answer stop counting. */
  get freeAt(): number {
    return this.#freeAt;
  }

  /** Returns the hits of the last answer that count at `now`. All of them count until the last one ends. */
  takenAt(now: number): number {
    if (!this.isKnownAt(now)) return 0;
    const { limit } = this;
    if (limit.algorithm !== 'token_bucket') return Math.max(0, this.#taken);
    return Math.ceil(((this.#freeAt - now) * limit.requests) / windowMicrosOf(limit));
  }

  /** Estimates the hits that other nodes have taken since the last answer, by their rate before it. */
  estimateOthers(now: number): number {
    const measuredMicros = OTHERS_PERIOD_MICROS + Math.max(0, this.answeredAt - this.#othersSince);
    const elapsed = Math.min(now - this.answeredAt, MAX_EXTRAPOLATION_MICROS);
    return Math.ceil(((this.#previousOthersHits + this.#othersHits) / measuredMicros) * elapsed);
  }

  /** `hits`: below 0 when more hits have ended than others took. */
  #recordOthers(hits: number, now: number): void {
    const passed = now - this.#othersSince;
    if (passed > OTHERS_PERIOD_MICROS) {
      this.#previousOthersHits = passed > 2 * OTHERS_PERIOD_MICROS ? 0 : this.#othersHits;
      this.#othersHits = 0;
      this.#othersSince = now;
    }
    if (hits > 0 && this.answeredAt > 0) this.#othersHits += hits;
  }
}

/** Returns the hits of a limit that nobody has used; for credits, without those that were added. */
export function capacity(limit: CountedLimit): number {
  return limit.algorithm === 'token_bucket' ? limit.burst : limit.requests;
}
