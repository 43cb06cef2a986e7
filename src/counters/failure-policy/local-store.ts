import { elementAt } from '../../collections/element-at.ts';
import {
  type Charge,
  type ChargeOutcome,
  type Correction,
  type CounterStore,
  type Decision,
  type DecisionResult,
  type GrantedCharge,
  type Outcome,
  type Receipt,
  type RefundResult,
  StoreUnavailable,
} from '../../decide/ports.ts';
import { isChargedIfRejected } from '../../decide/rejected-charges.ts';
import type { MemoryStore } from '../memory/memory-store.ts';
import type { KnownCounter } from './known-counter.ts';
import type { KnownCounters } from './known-counters.ts';
import type { LateCharges } from './late-charges.ts';
import { capOfShare, shareLimit } from './limit-share.ts';
import type { LocalCounters } from './local-counters.ts';
import type { OutageTally } from './outage-tally.ts';
import { computeHitEnd } from './owed-parts.ts';

export interface LocalStoreOptions {
  /** Where this node counts alone, with the source `fail-local`. */
  readonly memory: MemoryStore;
  readonly counters: KnownCounters;
  readonly local: LocalCounters;
  readonly lateCharges: LateCharges;
  /** The shared counters, which refund what was charged late. */
  readonly remote: Pick<CounterStore, 'refund'>;
  /** Whether the shared counters of a subject would be sent a refund now. */
  readonly canReach: (subject: string) => boolean;
  /** Returns the number of nodes that share the limits, this one included; at least 1. */
  readonly liveNodes: () => number;
  /** µs since 1970. */
  readonly now: () => number;
  readonly tally: OutageTally;
}

/**
 * Decides for this node alone while the shared counters cannot be asked. It continues from their last answers, grants its
 * share of what was left, and owes the shared counters what it grants.
 */
export class LocalStore implements CounterStore {
  readonly #options: LocalStoreOptions;

  constructor(options: LocalStoreOptions) {
    this.#options = options;
  }

  decide(decisions: readonly Decision[]): readonly DecisionResult[] {
    const { memory, lateCharges } = this.#options;
    const charged = new Set<KnownCounter>();
    // One after the other: each changes what the next one may grant.
    const results = decisions.map((decision) => this.#decideOne(decision, memory, charged));
    if (charged.size > 0) lateCharges.probe(charged);
    return results;
  }

  /**
   * Refunds grants of this node alone where they are charged late, through every node. While the shared counters cannot be
   * reached, refunds what this node has not charged late yet. Never both: the shared counters may have executed a refund
   * that they do not answer in time.
   */
  async refund(receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    const { remote } = this.#options;
    // Once for each: the answer may change from one moment to the next.
    const isReachable = receipts.map(this.#isReachable);
    const reachable = receipts.filter((_, index) => elementAt(isReachable, index));
    const local = receipts.filter((_, index) => !elementAt(isReachable, index));
    const remoteResults = (reachable.length > 0 ? await remote.refund(reachable) : []).values();
    const localResults = (await this.#refundAlone(local)).values();
    return isReachable.map((isRemote) => (isRemote ? remoteResults : localResults).next().value);
  }

  /** Refunds hits that no late charge has yet. */
  async #refundAlone(receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    const { memory, liveNodes } = this.#options;
    const nodes = liveNodes();
    const results = await memory.refund(receipts.map((receipt) => shareReceipt(receipt, nodes)));
    for (const [index, { granted }] of receipts.entries()) {
      // Of a receipt that frees a part of its hits, nobody knows which. Then those that end first are taken off.
      const hits = granted.reduce((sum, { charge }) => sum + charge.hits, 0);
      if (elementAt(results, index) === hits) for (const each of granted) this.#removeOwed(each);
    }
    return results;
  }

  #removeOwed({ charge: { subject, limit, hits }, lateChargeId }: GrantedCharge): void {
    if (lateChargeId === undefined) return;
    this.#options.counters.find(subject, limit).localCount?.removeOwed(lateChargeId, hits);
  }

  readonly #isReachable = ({ granted }: Receipt): boolean =>
    granted.some(({ charge: { subject } }) => this.#options.canReach(subject));

  correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]> {
    return this.#options.memory.correct(corrections);
  }

  #decideOne({ charges }: Decision, memory: MemoryStore, charged: Set<KnownCounter>): DecisionResult {
    const { counters, local, now, tally } = this.#options;
    const known = charges.map(({ subject, limit }) => counters.find(subject, limit));
    const isKnown = known.every((counter) => counter.isKnownAt(now()));
    const prepared = charges.map((charge, index) => local.prepare(elementAt(known, index), charge));
    const caps = prepared.map(capOfCharge);
    const [result] = memory.decide([{ charges: [...prepared, ...caps.filter((cap) => cap !== undefined)] }]);
    if (result === undefined || result instanceof StoreUnavailable) return result ?? new StoreUnavailable('no result');
    if (isKnown) tally.decidedFromKnown++;
    else tally.decidedFromUnknown++;
    let nextCap = prepared.length;
    const outcomes = prepared.map((charge, index) => {
      const ofShare = elementAt(result.charges, index);
      const outcome = caps[index] === undefined ? ofShare : restrict(ofShare, elementAt(result.charges, nextCap++));
      return this.#owe(elementAt(known, index), charge, outcome, result, charged);
    });
    return { ...result, charges: outcomes };
  }

  /** Owes the shared store the hits that the decision charged, and completes the outcome. */
  #owe(
    counter: KnownCounter,
    charge: Charge,
    outcome: ChargeOutcome,
    { granted }: Outcome,
    charged: Set<KnownCounter>,
  ): ChargeOutcome {
    const { hits, reservedHits = 0 } = charge;
    const remaining = Math.max(0, outcome.remaining - reservedHits);
    // Hits that are in flight become free or count within the deadline.
    const retryAfter = outcome.retryAfter === 0 ? 1 : outcome.retryAfter;
    if (hits === 0 || !(granted || isChargedIfRejected(charge))) return { ...outcome, remaining, retryAfter };
    charged.add(counter);
    const { lateCharges, now } = this.#options;
    const lateChargeId = lateCharges.add(counter, hits, computeHitEnd(counter.limit, outcome.freeAt, now()));
    return { ...outcome, remaining, retryAfter, lateChargeId };
  }
}

/** Returns the charge of the same hits on what this node may grant alone in a window. */
function capOfCharge({ subject, limit: share, hits, isSettlement = false }: Charge): Charge | undefined {
  const limit = capOfShare(share);
  return limit === undefined ? undefined : { subject, limit, hits, isSettlement };
}

/** Completes the outcome of a charge by that of its cap. */
function restrict(outcome: ChargeOutcome, cap: ChargeOutcome): ChargeOutcome {
  const remaining = Math.min(outcome.remaining, cap.remaining);
  if (!cap.exceeded) return { ...outcome, remaining };
  const retryAfter = outcome.exceeded ? laterOf(outcome.retryAfter, cap.retryAfter) : cap.retryAfter;
  return { ...outcome, exceeded: true, remaining, retryAfter };
}

/** `undefined`: never. */
function laterOf(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : Math.max(one, other);
}

function shareReceipt(receipt: Receipt, nodes: number): Receipt {
  const granted = receipt.granted.map((each) => {
    const { charge } = each;
    return { ...each, charge: { ...charge, limit: shareLimit(charge.limit, nodes) } };
  });
  return { ...receipt, granted };
}
