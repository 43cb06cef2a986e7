import { mergeOutcomes } from '../../decide/merge-outcomes.ts';
import {
  type Charge,
  type Correction,
  type CounterStore,
  type Decision,
  type DecisionResult,
  type MaybePromise,
  type Outcome,
  type Receipt,
  type RefundResult,
  StoreUnavailable,
} from '../../decide/ports.ts';
import type { SlidingWindowLimit } from '../../domain/limits/limit.ts';
import type { WarningLogger } from '../../interfaces/logger.ts';
import { emptySlice, hitsToTake, leaseDuration, noteAsked, type Slice } from './slice.ts';

type LeasedCharge = Charge & { readonly limit: SlidingWindowLimit };

const MICROSECONDS_PER_MS = 1000;
/** Unspent hits of slices that nobody asks any more are given back so often. */
const SWEEP_MS = 100;
/** Beyond so many counters, those that are not known yet are asked of the store each time. */
const MOST_SLICES = 10_000;

/**
 * Takes slices of hot limits ahead and grants from them without asking the store, where a limit allows that (`lease`). A
 * slice is charged as if it were spent at its end, so that the limit holds in every window; what is not spent by then is
 * given back. Decisions with any charge that no slice covers go to the store whole.
 */
export class LeasingStore implements CounterStore {
  readonly #store: CounterStore;
  readonly #log: WarningLogger;
  readonly #slices = new Map<SlidingWindowLimit, Map<string, Slice>>();
  readonly #sweeping: NodeJS.Timeout;
  #size = 0;

  constructor(store: CounterStore, log: WarningLogger) {
    this.#store = store;
    this.#log = log;
    this.#sweeping = setInterval(() => this.#giveBackUnspent(this.#sweep(performance.now())), SWEEP_MS);
    this.#sweeping.unref();
  }

  decide(decisions: readonly Decision[]): MaybePromise<readonly DecisionResult[]> {
    if (!decisions.some(({ charges }) => charges.every(isLeased))) return this.#store.decide(decisions);
    const now = performance.now();
    const wanting = new Set<Slice>();
    const outcomes = decisions.map(({ charges }) => this.#fromSlices(charges, now, wanting));
    const asked = decisions.filter((_, place) => outcomes[place] === undefined);
    const takes = [...wanting].flatMap((slice) => takeOf(slice, now) ?? []);
    if (asked.length === 0) {
      if (takes.length > 0) this.#ask([], takes, now).catch(this.#warn);
      return mergeOutcomes(outcomes, []);
    }
    return this.#ask(asked, takes, now).then((answers) => mergeOutcomes(outcomes, answers));
  }

  refund(receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    return this.#store.refund(receipts);
  }

  /**
   * Ends this node's slices of the counters, also those that are still on their way here. Those of other nodes live on, a
   * second at most: what is left of them is granted in spite of a block, and on top of a count that begins anew.
   */
  async correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]> {
    const done = await this.#store.correct(corrections);
    const unspent: Receipt[] = [];
    for (const { subject, limit, change } of corrections) {
      for (const [leased, ofLimit] of this.#slices) {
        const slice = leased.identity === limit.identity ? ofLimit.get(subject) : undefined;
        if (slice === undefined) continue;
        slice.isUnwanted = slice.isAsking && change.kind === 'block';
        const rest = restOf(slice);
        // What a reset has forgotten is not there to be given back.
        if (change.kind !== 'reset') unspent.push(...rest);
      }
    }
    this.#giveBackUnspent(unspent);
    return done;
  }

  /** Gives back what was not spent. */
  async close(): Promise<void> {
    clearInterval(this.#sweeping);
    await this.#store.refund(this.#sweep(Number.POSITIVE_INFINITY));
  }

  /** The outcome where slices cover all charges; notes what is asked of them, and which of them to look after. */
  #fromSlices(charges: readonly Charge[], now: number, wanting: Set<Slice>): Outcome | undefined {
    if (!charges.every(isLeased)) return undefined;
    const slices = charges.flatMap((charge) => this.#sliceOf(charge, now) ?? []);
    let isCovered = slices.length === charges.length && new Set(slices).size === slices.length;
    for (const [place, slice] of slices.entries()) {
      const hits = charges[place]?.hits ?? 0;
      noteAsked(slice, hits, now);
      wanting.add(slice);
      if (slice.expires <= now || slice.left < hits || hits === 0) isCovered = false;
    }
    return isCovered ? spend(charges, slices) : undefined;
  }

  #sliceOf({ subject, limit }: LeasedCharge, now: number): Slice | undefined {
    let ofLimit = this.#slices.get(limit);
    if (ofLimit === undefined) {
      ofLimit = new Map();
      this.#slices.set(limit, ofLimit);
    }
    const known = ofLimit.get(subject);
    if (known !== undefined || this.#size >= MOST_SLICES) return known;
    const slice = emptySlice(subject, limit, now);
    ofLimit.set(subject, slice);
    this.#size++;
    return slice;
  }

  async #ask(decisions: readonly Decision[], takes: readonly Take[], now: number): Promise<readonly DecisionResult[]> {
    for (const { slice } of takes) slice.isAsking = true;
    try {
      const answers = await this.#store.decide([...decisions, ...takes.map(({ decision }) => decision)]);
      for (const [place, { charges }] of decisions.entries()) this.#noteRemaining(charges, answers[place]);
      const rests = takes.flatMap((take, place) => settleTake(take, answers[decisions.length + place], now));
      this.#giveBackUnspent(rests);
      return answers.slice(0, decisions.length);
    } finally {
      for (const { slice } of takes) {
        slice.isAsking = false;
        slice.isUnwanted = false;
      }
    }
  }

  #noteRemaining(charges: readonly Charge[], answer: DecisionResult | undefined): void {
    if (answer === undefined || answer instanceof StoreUnavailable || answer.source !== 'redis') return;
    for (const [place, charge] of charges.entries()) {
      const slice = isLeased(charge) ? this.#slices.get(charge.limit)?.get(charge.subject) : undefined;
      if (slice !== undefined) slice.remaining = answer.charges[place]?.remaining ?? slice.remaining;
    }
  }

  #giveBackUnspent(unspent: readonly Receipt[]): void {
    if (unspent.length > 0) this.#store.refund(unspent).catch(this.#warn);
  }

  readonly #warn = (error: unknown): void => {
    this.#log.warn({ err: error }, 'counters: a slice of a limit could not be taken or given back');
  };

  /** What expired unspent; forgets counters that were not asked for two lives of a slice. */
  #sweep(now: number): readonly Receipt[] {
    const unspent: Receipt[] = [];
    for (const [limit, ofLimit] of this.#slices) {
      for (const [subject, slice] of ofLimit) {
        if (slice.expires <= now) unspent.push(...restOf(slice));
        if (slice.isAsking || now - slice.countedFrom < 2 * leaseDuration(limit)) continue;
        ofLimit.delete(subject);
        this.#size--;
      }
      if (ofLimit.size === 0) this.#slices.delete(limit);
    }
    return unspent;
  }
}

/** Asks the store for more of a slice. */
interface Take {
  readonly slice: Slice;
  readonly hits: number;
  readonly decision: Decision;
}

function isLeased(charge: Charge): charge is LeasedCharge {
  const { limit, isSettlement } = charge;
  return limit.algorithm === 'sliding_window' && limit.lease === true && isSettlement !== true;
}

function takeOf(slice: Slice, now: number): Take | undefined {
  const hits = hitsToTake(slice, now);
  if (hits === 0) return undefined;
  const { subject, limit } = slice;
  const spentWithinMicros = Math.ceil(leaseDuration(limit) * MICROSECONDS_PER_MS);
  return { slice, hits, decision: { charges: [{ subject, limit, hits, spentWithinMicros }] } };
}

/**
 * Returns the rest of the slice before. `sentAt`: the store decided later, so what is spent within a life of that is
 * spent in time.
 */
function settleTake({ slice, hits }: Take, answer: DecisionResult | undefined, sentAt: number): readonly Receipt[] {
  // Only the store of all nodes leases: what another answers for it counts nowhere else.
  if (answer === undefined || answer instanceof StoreUnavailable || answer.source !== 'redis') return [];
  const [outcome] = answer.charges;
  if (outcome === undefined) return [];
  slice.remaining = outcome.remaining;
  if (!answer.granted) return [];
  const rest = restOf(slice);
  slice.left = hits;
  slice.size = hits;
  slice.expires = sentAt + leaseDuration(slice.limit);
  slice.freeAt = outcome.freeAt;
  return slice.isUnwanted ? [...rest, ...restOf(slice)] : rest;
}

/** Takes out what was not spent; nothing, or the receipt for it. */
function restOf(slice: Slice): readonly Receipt[] {
  const { subject, limit, left, freeAt } = slice;
  if (left === 0) return [];
  slice.left = 0;
  return [
    {
      id: undefined,
      source: 'redis',
      expires: freeAt,
      granted: [{ charge: { subject, limit, hits: left }, end: freeAt }],
    },
  ];
}

function spend(charges: readonly Charge[], slices: readonly Slice[]): Outcome {
  return {
    granted: true,
    source: 'lease',
    charges: slices.map((slice, place) => {
      slice.left -= charges[place]?.hits ?? 0;
      return {
        exceeded: false,
        remaining: slice.remaining + slice.left,
        resetAfter: slice.limit.windowSeconds * 1_000_000,
        freeAt: slice.freeAt,
        retryAfter: undefined,
        blockedFor: undefined,
      };
    }),
  };
}
