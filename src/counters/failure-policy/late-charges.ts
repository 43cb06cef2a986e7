import { elementAt } from '../../collections/element-at.ts';
import { StoreUnavailable } from '../../decide/ports.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import type { LateCharge, LateChargeState } from '../redis/batch/late-batch.ts';
import { capacity, type KnownCounter } from './known-counter.ts';
import type { LocalCount, PendingCharge } from './local-count.ts';
import type { LocalCounters } from './local-counters.ts';
import type { OutageTally } from './outage-tally.ts';
import { endsWithWindow, OwedParts } from './owed-parts.ts';

/** The shared store, as far as late charges need it. */
export interface LateChargeStore {
  /** Whether a late charge of this subject would be sent now. */
  canChargeLate(subject: string): boolean;
  /**
   * Makes late charges, each once by its id. Executes them before everything that is sent to the same counters later.
   * Resolves in order, with StoreUnavailable for each that may not have been made. It MAY be sent again.
   */
  chargeLate(charges: readonly LateCharge[]): Promise<readonly (LateChargeState | StoreUnavailable)[]>;
}

export interface LateChargesOptions {
  readonly store: LateChargeStore;
  readonly local: LocalCounters;
  /** Name of this node. No other node has it, not even one that ran before. */
  readonly node: string;
  /** µs since 1970. */
  readonly now: () => number;
  readonly tally: OutageTally;
  readonly onError: (error: unknown) => void;
}

/** A late charge and the counter that it belongs to. */
interface SentCharge {
  readonly counter: KnownCounter;
  /** The limit that it is sent with. */
  readonly limit: CountedLimit;
  readonly localCount: LocalCount;
  readonly pending: PendingCharge;
}

/** Counters that owe hits. Beyond that, grants are not charged late. */
const MAX_OWING_COUNTERS = 100_000;
/** Late charges on their way that nobody's decision waits behind. */
const MAX_UNANSWERED = 1024;
/** Late charges that are sent in the background each time. The last counter may have some more. */
const MAX_CHARGES_PER_TURN = 256;
/** Time between two turns, in ms: at random, so that the nodes do not all charge at once. */
const MIN_TURN_MS = 50;
const MAX_TURN_MS = 150;
/** Interval in which a stop looks for answers and sends again, in ms. */
const CLOSE_POLL_MS = 10;
/** State of late charges whose call failed. */
const FAILED = new StoreUnavailable('the late charge failed');
/** A late charge without an answer is sent again after this time, in µs. */
const RESEND_AFTER_MICROS = 100_000;

/**
 * Charges in the shared store what this node granted alone. Hits whose ends are in the same sixteenth of a rolling window
 * share a late charge, and end in the store when the last of them would have ended. In other windows, all hits that the
 * node granted since the last late charge share one. They are sent ahead of the next decision on the counter, or else in
 * the background.
 */
export class LateCharges {
  readonly #options: LateChargesOptions;
  readonly #owing = new Set<KnownCounter>();
  #timer: NodeJS.Timeout | undefined;
  #unanswered = 0;
  readonly #parts: OwedParts;

  constructor(options: LateChargesOptions) {
    this.#options = options;
    this.#parts = new OwedParts(options.node);
  }

  /**
   * Adds hits that this node granted alone and that count until `until`, which is not before now. Returns the id of the
   * late charge that will charge them; undefined: too many counters owe hits already.
   */
  add(counter: KnownCounter, hits: number, until: number): string | undefined {
    const { localCount } = counter;
    if (localCount === undefined) return undefined;
    if (!this.#owing.has(counter)) {
      if (this.#owing.size >= MAX_OWING_COUNTERS) return undefined;
      this.#setOwing(counter, true);
      this.#schedule();
    }
    return this.#parts.add(counter.limit, localCount, hits, until);
  }

  /**
   * Sends what the counters owe, so that it is executed before what is sent to them next. `sendsAll`: also hits that were
   * granted while an earlier late charge is unanswered. Otherwise these wait, and the counter is cut off.
   */
  sendAhead(counters: Iterable<KnownCounter>, sendsAll: boolean): void {
    const sent: SentCharge[] = [];
    for (const counter of counters) if (counter.localCount !== undefined) this.#collect(counter, sent, sendsAll);
    if (sent.length > 0) this.#send(sent).catch(this.#options.onError);
  }

  /** Sends what the counters owe unless something that they owe is on its way. The answer says that the store is back. */
  probe(counters: Iterable<KnownCounter>): void {
    if (this.#unanswered >= MAX_UNANSWERED) return;
    const silent = new Set<KnownCounter>();
    for (const counter of counters) if (counter.localCount?.unanswered === 0) silent.add(counter);
    this.sendAhead(silent, false);
  }

  /**
   * Whether this node decides about the counter without asking: the store did not answer, and a late charge is on its way,
   * or cannot be sent now.
   */
  isCutOff(counter: KnownCounter): boolean {
    return this.isAwaited(counter) || owesHits(counter);
  }

  /** Whether a late charge of the counter is on its way since the store was silent. */
  isAwaited({ isSilent, localCount }: KnownCounter): boolean {
    return isSilent && localCount !== undefined && localCount.unanswered > 0;
  }

  /** Forgets what a counter owes, because it was reset. */
  forget(counter: KnownCounter): void {
    const { localCount } = counter;
    if (localCount === undefined) return;
    this.#end(counter, localCount);
  }

  /**
   * Sends everything that is owed, and again until it is answered, for up to `patienceMs`. Returns the number of counters
   * that still owe hits. Nothing may be granted meanwhile.
   */
  async close(patienceMs: number): Promise<number> {
    clearTimeout(this.#timer);
    const giveUpAt = performance.now() + patienceMs;
    for (;;) {
      const sent: SentCharge[] = [];
      for (const counter of this.#owing) this.#collect(counter, sent, true);
      if (sent.length > 0) this.#send(sent).catch(this.#options.onError);
      if (this.#owing.size === 0 || performance.now() >= giveUpAt) return this.#owing.size;
      await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MS));
    }
  }

  /**
   * Adds the late charges of a counter that have to be sent now. Draws up others for hits that none covers yet, if they
   * can be sent: hits that stay in the local counter end when their time has come. Without `drawsUpAll`
   * that waits until all earlier ones are answered.
   */
  #collect(counter: KnownCounter, sent: SentCharge[], drawsUpAll: boolean): void {
    const { localCount } = counter;
    if (localCount === undefined) return;
    const now = this.#options.now();
    localCount.pending = localCount.pending.filter((pending) => pending.until > now);
    if (this.#options.store.canChargeLate(counter.subject)) {
      if (drawsUpAll || localCount.pending.length === 0) this.#drawUp(counter, localCount);
      for (const pending of localCount.pending) {
        if (now - pending.sentAt >= RESEND_AFTER_MICROS)
          sent.push({ counter, limit: counter.limit, localCount, pending });
      }
    } else localCount.dropEnded(now);
    this.#endIfPaid(counter);
  }

  /** Draws up the late charges of all hits that the node has granted alone since the last ones. */
  #drawUp(counter: KnownCounter, localCount: LocalCount): void {
    // A bucket refills one debt after the other: these hits only after those that it is granted in the meantime.
    const isRefilled = counter.limit.algorithm === 'token_bucket';
    for (const { id, hits, until } of this.#options.local.takeOwed(counter)) {
      localCount.pending.push({ id, hits, until: isRefilled ? Number.POSITIVE_INFINITY : until, sentAt: 0 });
    }
  }

  async #send(sent: readonly SentCharge[]): Promise<void> {
    const { store, now, tally, onError } = this.#options;
    const sentAt = now();
    for (const { localCount, pending } of sent) {
      localCount.unanswered++;
      pending.sentAt = sentAt;
    }
    this.#unanswered += sent.length;
    tally.lateChargesSent += sent.length;
    const charges = sent.map((charge) => toLateCharge(charge, sentAt));
    const states = await store.chargeLate(charges).catch((error: unknown) => {
      onError(error);
      return charges.map(() => FAILED);
    });
    this.#unanswered -= sent.length;
    for (const [index, charge] of sent.entries()) this.#settle(charge, elementAt(states, index), sentAt);
    // The store is back: what was granted since these late charges were drawn up must not wait for the next decision.
    const owing = sent.map(({ counter }) => counter).filter((counter) => !counter.isSilent && owesHits(counter));
    if (owing.length > 0) this.probe(owing);
  }

  /** Records the answer to a late charge that was sent at `askedAt`. */
  #settle(
    { counter, limit, localCount, pending }: SentCharge,
    state: LateChargeState | StoreUnavailable,
    askedAt: number,
  ): void {
    const { now, tally } = this.#options;
    localCount.unanswered--;
    if (state instanceof StoreUnavailable) {
      pending.sentAt = 0;
      return;
    }
    const remaining = Math.min(state.available, capacity(limit));
    counter.recordAnswer({ ...state, remaining }, limit, pending.hits, { askedAt, now: now() });
    const index = localCount.pending.indexOf(pending);
    if (index < 0) return; // sent twice, and the other answer came first
    localCount.pending.splice(index, 1);
    tally.lateHits += pending.hits;
    this.#endIfPaid(counter);
  }

  #endIfPaid(counter: KnownCounter): void {
    const { localCount } = counter;
    if (localCount === undefined) return;
    if (localCount.pending.length > 0 || owesHits(counter)) this.#parts.count(localCount);
    else this.#end(counter, localCount);
  }

  #end(counter: KnownCounter, localCount: LocalCount): void {
    counter.localCount = undefined;
    this.#parts.uncount(localCount);
    this.#setOwing(counter, false);
  }

  #setOwing(counter: KnownCounter, isOwing: boolean): void {
    if (isOwing) this.#owing.add(counter);
    else this.#owing.delete(counter);
    this.#options.tally.owingCounters = this.#owing.size;
  }

  #schedule(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#takeTurn();
      },
      MIN_TURN_MS + Math.random() * (MAX_TURN_MS - MIN_TURN_MS),
    );
    this.#timer.unref();
  }

  /** Sends some of what is owed, beginning with the counters that have waited the longest. */
  #takeTurn(): void {
    const sent: SentCharge[] = [];
    for (const counter of firstOf(this.#owing, MAX_CHARGES_PER_TURN)) {
      if (sent.length >= MAX_CHARGES_PER_TURN) break;
      // To the end of the set, so that the next turn begins with others.
      this.#owing.delete(counter);
      this.#owing.add(counter);
      this.#collect(counter, sent, false);
    }
    if (sent.length > 0) this.#send(sent).catch(this.#options.onError);
    if (this.#owing.size > 0) this.#schedule();
  }
}

/** The hits end in the store when they would have ended here, so that the time until they are charged does not count. */
function toLateCharge({ counter, limit, pending: { id, hits, until } }: SentCharge, now: number): LateCharge {
  const hitEnd = endsWithWindow(limit) ? counter.toStoreTime(until, now) : undefined;
  return { id, subject: counter.subject, limit, hits, ...(hitEnd !== undefined && { hitEnd }) };
}

function firstOf<T>(values: Iterable<T>, count: number): readonly T[] {
  const first: T[] = [];
  for (const value of values) {
    if (first.length >= count) break;
    first.push(value);
  }
  return first;
}

function owesHits({ localCount }: KnownCounter): boolean {
  return localCount !== undefined && localCount.owedHits > 0;
}
