import { elementAt } from '../../collections/element-at.ts';
import type {
  Charge,
  Correction,
  CounterStore,
  Decision,
  DecisionResult,
  MaybePromise,
  Outcome,
  Receipt,
  RefundResult,
  StoreUnavailable,
} from '../../decide/ports.ts';
import { mergeOutcomes } from '../../decide/store-answers.ts';
import { windowMicrosOf } from '../../domain/counting/counter-spec.ts';
import type { SlidingWindowLimit } from '../../domain/limits/limit.ts';
import type { WarningLogger } from '../../interfaces/logger.ts';
import { applyAnswer, isFromSharedStore, type LeaseRequest, prepareRequest, withdrawUnspent } from './lease-request.ts';
import { emptySlice, leaseDuration, recordDemand, type Slice } from './slice.ts';

type LeasableCharge = Charge & { readonly limit: SlidingWindowLimit };

/** Hits to be granted from a slice. */
interface SliceGrant {
  readonly slice: Slice;
  readonly hits: number;
}

/** How often the unspent hits of expired slices are refunded. */
const SWEEP_INTERVAL_MS = 100;
/** With this many slices, counters without one are left to the store. */
const MAX_SLICES = 10_000;

/**
 * Leases slices of hot limits from the store and grants from them without asking the store, where a limit allows that
 * (`lease`). The store charges a slice as if all of it were spent at its end, so the limit holds in every window. Hits
 * that are unspent by then are refunded. A decision goes to the store as a whole if any of its charges has no slice
 * that covers it.
 */
export class LeasingStore implements CounterStore {
  readonly #store: CounterStore;
  readonly #log: WarningLogger;
  /** By limit, then by subject. */
  readonly #slices = new Map<SlidingWindowLimit, Map<string, Slice>>();
  readonly #sweepTimer: NodeJS.Timeout;
  #sliceCount = 0;

  constructor(store: CounterStore, log: WarningLogger) {
    this.#store = store;
    this.#log = log;
    this.#sweepTimer = setInterval(() => this.#refundInBackground(this.#sweep(performance.now())), SWEEP_INTERVAL_MS);
    this.#sweepTimer.unref();
  }

  /** The number of counters with a slice on this node, also one that has just expired. */
  get leasedCounters(): number {
    return this.#sliceCount;
  }

  decide(decisions: readonly Decision[], waitMs: number | undefined): MaybePromise<readonly DecisionResult[]> {
    if (!decisions.some(({ charges }) => charges.every(isLeasable))) return this.#store.decide(decisions, waitMs);
    const now = performance.now();
    const usedSlices = new Set<Slice>();
    const granted = decisions.map(({ charges }) => this.#grantFromSlices(charges, now, usedSlices));
    const open = decisions.filter((_, index) => granted[index] === undefined);
    const requests = [...usedSlices].flatMap((slice) => prepareRequest(slice, now) ?? []);
    if (open.length === 0) {
      if (requests.length > 0) this.#askStore([], requests, now, undefined).catch(this.#warn);
      return mergeOutcomes(granted, []);
    }
    return this.#askStore(open, requests, now, waitMs).then((answers) => mergeOutcomes(granted, answers));
  }

  refund(receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    return this.#store.refund(receipts);
  }

  /**
   * Ends this node's slices of the corrected counters, those on their way from the store included. Slices of other
   * nodes live on for a second at most: their unspent hits are granted in spite of a block, and in addition to a limit
   * that was reset.
   */
  async correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]> {
    const results = await this.#store.correct(corrections);
    const unspent: Receipt[] = [];
    for (const { subject, limit, change } of corrections) {
      for (const [leasedLimit, bySubject] of this.#slices) {
        const slice = leasedLimit.identity === limit.identity ? bySubject.get(subject) : undefined;
        if (slice === undefined) continue;
        slice.isCancelled = slice.isRequested && change.kind === 'block';
        const receipts = withdrawUnspent(slice);
        // A reset removed the hits from the counter, so there is nothing to refund.
        if (change.kind !== 'reset') unspent.push(...receipts);
      }
    }
    this.#refundInBackground(unspent);
    return results;
  }

  /** Refunds all unspent hits. */
  async close(): Promise<void> {
    clearInterval(this.#sweepTimer);
    await this.#store.refund(this.#sweep(Number.POSITIVE_INFINITY));
  }

  /**
   * Grants a decision if slices cover all its charges; undefined: they do not. Records the demand for every slice, and
   * adds the slices to `usedSlices`.
   */
  #grantFromSlices(charges: readonly Charge[], now: number, usedSlices: Set<Slice>): Outcome | undefined {
    if (!charges.every(isLeasable)) return undefined;
    const grants: SliceGrant[] = [];
    let isCovered = true;
    for (const charge of charges) {
      const slice = this.#sliceFor(charge, now);
      if (slice === undefined) {
        isCovered = false;
        continue;
      }
      const { hits } = charge;
      recordDemand(slice, hits, now);
      usedSlices.add(slice);
      const isNamedTwice = grants.some((grant) => grant.slice === slice);
      // A peek is for the store, which knows what all nodes have left.
      if (slice.expiresAt <= now || slice.unspent < hits || hits === 0 || isNamedTwice) isCovered = false;
      grants.push({ slice, hits });
    }
    return isCovered ? spend(grants) : undefined;
  }

  /** Returns the slice of a counter, at first an empty one. undefined: there are too many slices. */
  #sliceFor({ subject, limit }: LeasableCharge, now: number): Slice | undefined {
    let bySubject = this.#slices.get(limit);
    if (bySubject === undefined) {
      bySubject = new Map();
      this.#slices.set(limit, bySubject);
    }
    const existing = bySubject.get(subject);
    if (existing !== undefined || this.#sliceCount >= MAX_SLICES) return existing;
    const slice = emptySlice(subject, limit, now);
    bySubject.set(subject, slice);
    this.#sliceCount++;
    return slice;
  }

  /** Asks the store for the decisions and for the next slices in one call. Returns the results of the decisions. */
  async #askStore(
    decisions: readonly Decision[],
    requests: readonly LeaseRequest[],
    sentAt: number,
    waitMs: number | undefined,
  ): Promise<readonly DecisionResult[]> {
    for (const { slice } of requests) slice.isRequested = true;
    try {
      const results = await this.#store.decide([...decisions, ...requests.map(({ decision }) => decision)], waitMs);
      for (const [index, { charges }] of decisions.entries()) this.#recordRemaining(charges, elementAt(results, index));
      const unspent = requests.flatMap((request, index) =>
        applyAnswer(request, elementAt(results, decisions.length + index), sentAt),
      );
      this.#refundInBackground(unspent);
      return results.slice(0, decisions.length);
    } finally {
      for (const { slice } of requests) {
        slice.isRequested = false;
        slice.isCancelled = false;
      }
    }
  }

  #recordRemaining(charges: readonly Charge[], result: DecisionResult): void {
    if (!isFromSharedStore(result)) return;
    for (const [index, charge] of charges.entries()) {
      const slice = isLeasable(charge) ? this.#slices.get(charge.limit)?.get(charge.subject) : undefined;
      if (slice !== undefined) slice.remainingInStore = elementAt(result.charges, index).remaining;
    }
  }

  #refundInBackground(unspent: readonly Receipt[]): void {
    if (unspent.length > 0) this.#store.refund(unspent).catch(this.#warn);
  }

  readonly #warn = (error: unknown): void => {
    this.#log.warn({ err: error }, 'counters: leasing or refunding a slice of a limit failed');
  };

  /** Withdraws the unspent hits of expired slices. Drops counters without demand for two lease durations. */
  #sweep(now: number): readonly Receipt[] {
    const unspent: Receipt[] = [];
    for (const [limit, bySubject] of this.#slices) {
      for (const [subject, slice] of bySubject) {
        if (slice.expiresAt <= now) unspent.push(...withdrawUnspent(slice));
        if (slice.isRequested || now - slice.demandSince < 2 * leaseDuration(limit)) continue;
        bySubject.delete(subject);
        this.#sliceCount--;
      }
      if (bySubject.size === 0) this.#slices.delete(limit);
    }
    return unspent;
  }
}

function isLeasable(charge: Charge): charge is LeasableCharge {
  const { limit, isSettlement } = charge;
  return limit.algorithm === 'sliding_window' && limit.lease === true && isSettlement !== true;
}

function spend(grants: readonly SliceGrant[]): Outcome {
  return {
    granted: true,
    source: 'lease',
    charges: grants.map(({ slice, hits }) => {
      slice.unspent -= hits;
      return {
        exceeded: false,
        remaining: slice.remainingInStore + slice.unspent,
        resetAfter: windowMicrosOf(slice.limit),
        freeAt: slice.countsUntil,
        retryAfter: undefined,
        blockedFor: undefined,
      };
    }),
  };
}
