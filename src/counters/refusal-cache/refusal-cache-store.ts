import { mergeOutcomes } from '../../decide/merge-outcomes.ts';
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
import { distinctCharges } from '../distinct-charges.ts';
import { type KnownCounter, MAX_REFUSAL_MICROS, RecentRefusals } from './recent-refusals.ts';

export interface RefusalCacheStoreOptions {
  readonly store: CounterStore;
  /** µs, not running back. */
  readonly now: () => number;
}

/**
 * Refuses by itself what the store refused just now and must refuse again: a counter that lacked as many hits, whose time
 * until they fit is not over. That is known for 250 ms at most, as the counter may be given back to by other nodes, or
 * reset; it counts from when the store was asked, so that it never outlasts what the store said.
 *
 * The other charges of such a decision are told as they stood, so all must be known; they are up to 250 ms old. Slots of
 * a concurrency limit refuse nothing here, as each of them is free again at any moment, and what settles is always
 * counted. Whatever else is asked of the same counter, fewer hits above all, is for the store.
 *
 * It stands before the store itself and behind what decides while that is away: so it only ever learns what the shared
 * counters said.
 */
export class RefusalCacheStore implements CounterStore {
  readonly #store: CounterStore;
  readonly #now: () => number;
  readonly #refusals = new RecentRefusals();

  constructor({ store, now }: RefusalCacheStoreOptions) {
    this.#store = store;
    this.#now = now;
  }

  decide(decisions: readonly Decision[]): MaybePromise<readonly DecisionResult[]> {
    const now = this.#now();
    if (this.#refusals.isEmpty(now)) return this.#ask(decisions, now);
    const refused = decisions.map(({ charges }) => this.#refusal(charges, now));
    const open = decisions.filter((_, place) => refused[place] === undefined);
    if (open.length === decisions.length) return this.#ask(decisions, now);
    return open.length === 0
      ? mergeOutcomes(refused, [])
      : this.#ask(open, now).then((asked) => mergeOutcomes(refused, asked));
  }

  /** What is known of the counters is forgotten: more may be free by now. */
  async refund(receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    const freed = await this.#store.refund(receipts);
    const now = this.#now();
    for (const { granted } of receipts) {
      for (const { charge } of granted) if (mayRefuse(charge)) this.#refusals.forget(charge, now);
    }
    return freed;
  }

  /** What is known of the counters is forgotten. Other nodes know it for 250 ms at most. */
  async correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]> {
    const done = await this.#store.correct(corrections);
    const now = this.#now();
    for (const { subject, limit } of corrections) this.#refusals.forget({ subject, limit, hits: 0 }, now);
    return done;
  }

  async #ask(decisions: readonly Decision[], askedAt: number): Promise<readonly DecisionResult[]> {
    const outcomes = await this.#store.decide(decisions);
    const toldAt = this.#now();
    for (const [place, outcome] of outcomes.entries()) {
      if (outcome instanceof StoreUnavailable || outcome.granted) continue;
      this.#learn(decisions[place]?.charges ?? [], outcome, askedAt, toldAt);
    }
    return outcomes;
  }

  #learn(charges: readonly Charge[], { charges: outcomes }: Outcome, askedAt: number, toldAt: number): void {
    // Of a counter that was asked twice, the outcome is about the sum.
    if (distinctCharges(charges).places !== undefined) return;
    for (const [place, charge] of charges.entries()) {
      const outcome = outcomes[place];
      if (outcome !== undefined && charge.isSettlement !== true)
        this.#refusals.remember({ charge, outcome, askedAt, toldAt });
    }
  }

  #refusal(charges: readonly Charge[], now: number): Outcome | undefined {
    const known: KnownCounter[] = [];
    let isLacking = false;
    for (const charge of charges) {
      const counter = charge.isSettlement === true ? undefined : this.#refusals.find(charge);
      if (counter === undefined || isOver(counter, now)) return undefined;
      known.push(counter);
      if (counter.outcome.exceeded && mayRefuse(charge)) isLacking = true;
      // It may lack the hits by now too, and its first refusal has a consequence, which only the store can draw.
      if (!counter.outcome.exceeded && charge.limit.blockForSeconds !== undefined) return undefined;
    }
    if (!isLacking || distinctCharges(charges).places !== undefined) return undefined;
    return { granted: false, source: 'local', charges: known.map((counter) => laterOutcome(counter, now)) };
  }
}

/** A look is there to see how things are. */
function mayRefuse({ hits, limit }: Charge): boolean {
  return hits > 0 && limit.algorithm !== 'concurrency';
}

/** Not even a moment too long: the store decided after it was asked. */
function isOver({ outcome: { retryAfter, blockedFor }, askedAt }: KnownCounter, now: number): boolean {
  // Behind the end of a block the next refusal begins another one, which only the store can do.
  return (
    now - askedAt >= Math.min(MAX_REFUSAL_MICROS, retryAfter ?? MAX_REFUSAL_MICROS, blockedFor ?? MAX_REFUSAL_MICROS)
  );
}

/** Less the time since it was told, and not since it was asked: who comes back when told to must not be early. */
function laterOutcome({ outcome, toldAt }: KnownCounter, now: number): ChargeOutcome {
  const { resetAfter, retryAfter, blockedFor } = outcome;
  const passed = now - toldAt;
  return {
    ...outcome,
    resetAfter: Math.max(0, resetAfter - passed),
    retryAfter: retryAfter === undefined ? undefined : Math.max(0, retryAfter - passed),
    blockedFor: blockedFor === undefined ? undefined : Math.max(0, blockedFor - passed),
  };
}
