import { elementAt } from '../../collections/element-at.ts';
import {
  type Charge,
  type ChargeOutcome,
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
import { isChargedIfRejected } from '../../decide/rejected-charges.ts';
import { mergeOutcomes } from '../../decide/store-answers.ts';
import { namesCounterTwice } from '../merge-charges.ts';
import { type CachedOutcome, MAX_REFUSAL_MICROS, RecentRefusals } from './recent-refusals.ts';

export interface RefusalCacheStoreOptions {
  /** The shared counters. */
  readonly store: CounterStore;
  /** Reads a monotonic clock in µs. */
  readonly now: () => number;
}

/**
 * Repeats a rejection of the store without asking it again, while it is certain that the store would reject again: a
 * counter lacked the same hits, and the time until they fit is not over.
 *
 * A rejection is cached for 250 ms at most, as other nodes may refund or reset the counter. The time starts when the
 * store was asked, so a cached rejection never outlasts what the store promised.
 *
 * A repeated rejection reports the other charges of its decision as they were, up to 250 ms ago, so all of them must be
 * cached. Peeks and slots of concurrency limits are never the reason: a peek is there to see the current state, and a
 * slot can become free at any moment. Settlements are always for the store, which must count them, and so are hits that
 * are charged even if they are rejected (`charge_rejected`). So is every other number of hits on the same counter, fewer
 * hits above all.
 *
 * This store wraps the shared counters directly, below the store that decides in an outage. So it only learns what the
 * shared counters said.
 */
export class RefusalCacheStore implements CounterStore {
  readonly #store: CounterStore;
  readonly #now: () => number;
  readonly #refusals = new RecentRefusals();

  constructor({ store, now }: RefusalCacheStoreOptions) {
    this.#store = store;
    this.#now = now;
  }

  decide(decisions: readonly Decision[], waitMs: number | undefined): MaybePromise<readonly DecisionResult[]> {
    const now = this.#now();
    if (this.#refusals.isEmpty(now)) return this.#askStore(decisions, now, waitMs);
    const cached = decisions.map(({ charges }) => this.#repeatRefusal(charges, now));
    const open = decisions.filter((_, index) => cached[index] === undefined);
    if (open.length === decisions.length) return this.#askStore(decisions, now, waitMs);
    return open.length === 0
      ? mergeOutcomes(cached, [])
      : this.#askStore(open, now, waitMs).then((answers) => mergeOutcomes(cached, answers));
  }

  /** Drops what is cached about the refunded counters: more hits may be free now. */
  async refund(receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    const results = await this.#store.refund(receipts);
    const now = this.#now();
    for (const { granted } of receipts) {
      for (const { charge } of granted) if (canCauseRefusal(charge)) this.#refusals.invalidate(charge, now);
    }
    return results;
  }

  /** Drops what is cached about the corrected counters. Other nodes keep it for 250 ms at most. */
  async correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]> {
    const results = await this.#store.correct(corrections);
    const now = this.#now();
    for (const { subject, limit } of corrections) this.#refusals.invalidate({ subject, limit, hits: 0 }, now);
    return results;
  }

  async #askStore(
    decisions: readonly Decision[],
    askedAt: number,
    waitMs: number | undefined,
  ): Promise<readonly DecisionResult[]> {
    const results = await this.#store.decide(decisions, waitMs);
    const reportedAt = this.#now();
    for (const [index, result] of results.entries()) {
      if (result instanceof StoreUnavailable || result.granted) continue;
      this.#cacheRefusal(elementAt(decisions, index).charges, result, askedAt, reportedAt);
    }
    return results;
  }

  #cacheRefusal(charges: readonly Charge[], refusal: Outcome, askedAt: number, reportedAt: number): void {
    // The outcome of a counter that is named twice is about the sum of the charges. A rejection that charges hits must
    // not be repeated without the store.
    if (namesCounterTwice(charges) || charges.some(isChargedIfRejected)) return;
    for (const [index, charge] of charges.entries()) {
      const outcome = elementAt(refusal.charges, index);
      if (charge.isSettlement !== true) this.#refusals.add({ charge, outcome, askedAt, reportedAt });
    }
  }

  /** Returns the rejection that the store would certainly give. undefined: only the store can tell. */
  #repeatRefusal(charges: readonly Charge[], now: number): Outcome | undefined {
    const counters: CachedOutcome[] = [];
    let isRejected = false;
    for (const charge of charges) {
      const isForStore = charge.isSettlement === true || isChargedIfRejected(charge);
      const cached = isForStore ? undefined : this.#refusals.find(charge);
      if (cached === undefined || isExpired(cached, now)) return undefined;
      counters.push(cached);
      if (cached.outcome.exceeded && canCauseRefusal(charge)) isRejected = true;
      // This counter may be exceeded by now, too. Its first rejection begins a block, which only the store can do.
      if (!cached.outcome.exceeded && charge.limit.blockForSeconds !== undefined) return undefined;
    }
    if (!isRejected || namesCounterTwice(charges)) return undefined;
    return { granted: false, source: 'local', charges: counters.map((cached) => ageOutcome(cached, now)) };
  }
}

function canCauseRefusal({ hits, limit }: Charge): boolean {
  return hits > 0 && limit.algorithm !== 'concurrency';
}

/**
 * Waits are measured from `askedAt`, as the store decided later than that. So a cached outcome never outlasts a wait.
 * It also ends with a block: the next rejection begins another block, which only the store can do.
 */
function isExpired({ outcome: { retryAfter, blockedFor }, askedAt }: CachedOutcome, now: number): boolean {
  return (
    now - askedAt >= Math.min(MAX_REFUSAL_MICROS, retryAfter ?? MAX_REFUSAL_MICROS, blockedFor ?? MAX_REFUSAL_MICROS)
  );
}

/**
 * Returns the outcome with its waits shortened by the time since `reportedAt`. Shortened from `askedAt`, they would let
 * callers come back too early.
 */
function ageOutcome({ outcome, reportedAt }: CachedOutcome, now: number): ChargeOutcome {
  const { resetAfter, retryAfter, blockedFor } = outcome;
  const passed = now - reportedAt;
  return {
    ...outcome,
    resetAfter: Math.max(0, resetAfter - passed),
    retryAfter: retryAfter === undefined ? undefined : Math.max(0, retryAfter - passed),
    blockedFor: blockedFor === undefined ? undefined : Math.max(0, blockedFor - passed),
  };
}
