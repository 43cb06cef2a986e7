import { elementAt } from '../../collections/element-at.ts';
import {
  type Charge,
  type Correction,
  type CounterStore,
  type Decision,
  type DecisionResult,
  type Receipt,
  type RefundResult,
  StoreUnavailable,
} from '../../decide/ports.ts';
import { mergeOutcomes } from '../../decide/store-answers.ts';
import { failsClosed } from './failure-policies.ts';
import type { KnownCounter } from './known-counter.ts';
import type { KnownCounters } from './known-counters.ts';
import type { LateCharges } from './late-charges.ts';
import type { OutageTally } from './outage-tally.ts';

export interface TrackingStoreOptions {
  /** The shared counters. */
  readonly store: CounterStore;
  readonly counters: KnownCounters;
  readonly lateCharges: LateCharges;
  /** µs since 1970. */
  readonly now: () => number;
  readonly tally: OutageTally;
}

/** Returned at once, while an answer about the counter is outstanding. */
const CUT_OFF = new StoreUnavailable('the store has not answered about this counter yet', 'silent');

/**
 * Records what the shared store answers about each counter. Sends the late charges of a counter ahead of the next decision
 * on it. While a late charge is unanswered, decisions on its counter do not wait for the store: they are unavailable at
 * once.
 */
export class TrackingStore implements CounterStore {
  readonly #store: CounterStore;
  readonly #counters: KnownCounters;
  readonly #lateCharges: LateCharges;
  readonly #now: () => number;
  readonly #tally: OutageTally;

  constructor({ store, counters, lateCharges, now, tally }: TrackingStoreOptions) {
    this.#store = store;
    this.#counters = counters;
    this.#lateCharges = lateCharges;
    this.#now = now;
    this.#tally = tally;
  }

  async decide(decisions: readonly Decision[], waitMs: number | undefined): Promise<readonly DecisionResult[]> {
    const counters: KnownCounter[] = [];
    let isOwing = false;
    for (const { charges } of decisions) {
      for (const charge of charges) {
        const counter = this.#counters.findFor(charge);
        counters.push(counter);
        if (counter.localCount !== undefined) isOwing = true;
      }
    }
    return isOwing ? this.#askAfterLateCharges(decisions, waitMs) : this.#ask(decisions, counters, waitMs);
  }

  refund(receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    return this.#store.refund(receipts);
  }

  /** Forgets what is known about the corrected counters. One that could not be corrected still owes what it owed. */
  async correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]> {
    const results = await this.#store.correct(corrections);
    for (const [index, { subject, limit, change }] of corrections.entries()) {
      if (elementAt(results, index) !== undefined) continue;
      const counter = this.#counters.find(subject, limit);
      counter.forgetAnswer();
      if (change.kind === 'reset') this.#lateCharges.forget(counter);
    }
    return results;
  }

  /** Sends what the counters owe ahead of the decisions, and leaves out those that this node decides alone. */
  async #askAfterLateCharges(
    decisions: readonly Decision[],
    waitMs: number | undefined,
  ): Promise<readonly DecisionResult[]> {
    const closed = decisions.filter(({ charges }) => charges.some(failsClosed));
    const waiting = decisions.filter(
      ({ charges }) => !charges.some((charge) => this.#lateCharges.isAwaited(this.#findCounter(charge))),
    );
    this.#lateCharges.sendAhead(this.#countersOf(closed), true);
    this.#lateCharges.sendAhead(this.#countersOf(waiting), false);
    const answered = decisions.map((decision) => (this.#isCutOff(decision) ? CUT_OFF : undefined));
    const open = decisions.filter((_, index) => answered[index] === undefined);
    for (let index = open.length; index < decisions.length; index++) this.#tally.recordMissed('silent');
    if (open.length === 0) return mergeOutcomes(answered, []);
    const counters = open.flatMap(({ charges }) => charges.map(this.#findCounter));
    return mergeOutcomes(answered, await this.#ask(open, counters, waitMs));
  }

  /** Whether this node decides alone without asking. A limit that denies in an outage has to be asked. */
  #isCutOff({ charges }: Decision): boolean {
    if (charges.some(failsClosed)) return false;
    return charges.some((charge) => this.#lateCharges.isCutOff(this.#findCounter(charge)));
  }

  #countersOf(decisions: readonly Decision[]): ReadonlySet<KnownCounter> {
    return new Set(decisions.flatMap(({ charges }) => charges.map(this.#findCounter)));
  }

  readonly #findCounter = (charge: Charge): KnownCounter => this.#counters.findFor(charge);

  /** `counters`: those of all charges, in order. */
  async #ask(
    decisions: readonly Decision[],
    counters: readonly KnownCounter[],
    waitMs: number | undefined,
  ): Promise<readonly DecisionResult[]> {
    addInFlight(decisions, counters, 1);
    const askedAt = this.#now();
    let results: readonly DecisionResult[];
    try {
      results = await this.#store.decide(decisions, waitMs);
    } catch (error) {
      addInFlight(decisions, counters, -1);
      throw error;
    }
    this.#record(decisions, counters, results, askedAt);
    return results;
  }

  /** Records the answers, and that the decisions are no longer in flight. */
  #record(
    decisions: readonly Decision[],
    counters: readonly KnownCounter[],
    results: readonly DecisionResult[],
    askedAt: number,
  ): void {
    const exchange = { askedAt, now: this.#now() };
    let next = 0;
    for (let index = 0; index < decisions.length; index++) {
      const { charges } = elementAt(decisions, index);
      const result = elementAt(results, index);
      const outcome = result instanceof StoreUnavailable ? undefined : result;
      if (result instanceof StoreUnavailable) this.#tally.recordMissed(result.reason);
      for (let i = 0; i < charges.length; i++) {
        const counter = elementAt(counters, next++);
        const { hits, limit } = elementAt(charges, i);
        counter.inFlight -= hits;
        if (outcome === undefined) counter.isSilent = true;
        else counter.recordAnswer(elementAt(outcome.charges, i), limit, outcome.granted ? hits : 0, exchange);
      }
    }
  }
}

/** Adds the hits of all charges to those that are in flight; with `sign` -1, subtracts them. */
function addInFlight(decisions: readonly Decision[], counters: readonly KnownCounter[], sign: 1 | -1): void {
  let next = 0;
  for (const { charges } of decisions) {
    for (const { hits } of charges) elementAt(counters, next++).inFlight += sign * hits;
  }
}
