import { elementAt } from '../../collections/element-at.ts';
import {
  type Charge,
  type ChargeOutcome,
  type Correction,
  type CounterStore,
  type Decision,
  type DecisionResult,
  type MaybePromise,
  mapMaybe,
  type Outcome,
  type Receipt,
  type RefundResult,
  StoreUnavailable,
} from '../../decide/ports.ts';
import { advertisedQuota } from '../../domain/limits/limit-status.ts';
import { failsClosed, failsOpen, isUncounted } from './failure-policies.ts';

export interface FailurePolicyStoreOptions {
  /** Counts for all nodes together. */
  readonly remote: CounterStore;
  /** Decides for this node alone, with the source `fail-local`. */
  readonly local: CounterStore;
}

/** A decision that the remote store could not decide, and what the local store decides in its place. */
interface FallbackDecision {
  /** Index of the decision in its batch. */
  readonly index: number;
  readonly charges: readonly Charge[];
  /** Whether the decision is granted in any case. */
  readonly isOpen: boolean;
  /** The charges to count. */
  readonly localDecision: Decision;
}

interface Refund {
  readonly receipt: Receipt;
  result: RefundResult;
}

/**
 * Applies each limit's `on_store_failure` where the remote store is unavailable. The policies of a decision's charges
 * can differ: with one `deny` the decision stays unavailable. Otherwise the `local` charges decide. `allow` charges are
 * counted if the decision is granted, whether they fit or not, and `allow_uncounted` charges are not.
 */
export class FailurePolicyStore implements CounterStore {
  readonly #remote: CounterStore;
  readonly #local: CounterStore;

  constructor({ remote, local }: FailurePolicyStoreOptions) {
    this.#remote = remote;
    this.#local = local;
  }

  decide(decisions: readonly Decision[], waitMs: number | undefined): MaybePromise<readonly DecisionResult[]> {
    return mapMaybe(this.#remote.decide(decisions, waitMs), (results) =>
      results.some(isUnavailable) ? this.#applyPolicies(decisions, results) : results,
    );
  }

  /** Refunds each receipt where it was granted. */
  async refund(receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    if (receipts.every(isRemote)) return this.#remote.refund(receipts);
    const refunds = receipts.map((receipt): Refund => ({ receipt, result: 0 }));
    const remote = refunds.filter(({ receipt }) => isRemote(receipt));
    const local = refunds.filter(({ receipt }) => !isRemote(receipt));
    const [remoteResults, localResults] = await Promise.all([
      this.#remote.refund(remote.map(({ receipt }) => receipt)),
      this.#local.refund(local.map(({ receipt }) => receipt)),
    ]);
    for (const [index, refund] of remote.entries()) refund.result = elementAt(remoteResults, index);
    for (const [index, refund] of local.entries()) refund.result = elementAt(localResults, index);
    return refunds.map(({ result }) => result);
  }

  /**
   * Corrects the remote counters, and then this node's own. While the remote store is unavailable it changes nothing:
   * the other nodes would not know, and each would continue with its own counters. Credits have no counters of this
   * node alone. In memory both stores are one, which adds credits once.
   */
  async correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]> {
    const results = await this.#remote.correct(corrections);
    const done = corrections.filter((_, index) => elementAt(results, index) === undefined);
    await this.#local.correct(done.filter(({ change }) => change.kind !== 'add_credits'));
    return results;
  }

  /** Returns the results with those that are unavailable replaced, as far as the policies allow it. */
  async #applyPolicies(
    decisions: readonly Decision[],
    remoteResults: readonly DecisionResult[],
  ): Promise<readonly DecisionResult[]> {
    const results = [...remoteResults];
    const fallbacks: FallbackDecision[] = [];
    for (const [index, { charges }] of decisions.entries()) {
      if (!isUnavailable(elementAt(remoteResults, index)) || charges.some(needsRemote)) continue;
      const isOpen = charges.every(failsOpen);
      const counted = charges.filter((charge) => !isUncounted(charge)).map(countAnyway);
      if (counted.length > 0) fallbacks.push({ index, charges, isOpen, localDecision: { charges: counted } });
      else results[index] = grantUncounted(charges);
    }
    const localResults = await this.#local.decide(
      fallbacks.map(({ localDecision }) => localDecision),
      undefined,
    );
    for (const [position, { index, charges, isOpen }] of fallbacks.entries()) {
      const result = elementAt(localResults, position);
      if (isUnavailable(result)) results[index] = isOpen ? grantUncounted(charges) : result;
      else results[index] = addUncounted(charges, isOpen ? { ...result, source: 'fail-open' } : result);
    }
    return results;
  }
}

/** Whether only the remote store can decide the charge. A lease of hits that this node decides alone has no meaning. */
function needsRemote(charge: Charge): boolean {
  return failsClosed(charge) || charge.spentWithinMicros !== undefined;
}

/** Returns the charge so that it rejects nothing, if its limit admits everything. */
function countAnyway(charge: Charge): Charge {
  return failsOpen(charge) ? { ...charge, isSettlement: true } : charge;
}

function grantUncounted(charges: readonly Charge[]): Outcome {
  return { granted: true, source: 'fail-open', charges: charges.map(uncountedOutcome) };
}

/** Completes the outcome of a decision's counted charges with those of the charges that are not counted. */
function addUncounted(charges: readonly Charge[], outcome: Outcome): Outcome {
  if (charges.length === outcome.charges.length) return outcome;
  let counted = 0;
  return {
    ...outcome,
    charges: charges.map((charge) =>
      isUncounted(charge) ? uncountedOutcome(charge) : elementAt(outcome.charges, counted++),
    ),
  };
}

/** The outcome of a charge that is not counted: the whole limit is free. */
function uncountedOutcome({ limit }: Charge): ChargeOutcome {
  const remaining = advertisedQuota(limit).requests;
  return { exceeded: false, remaining, resetAfter: 0, freeAt: 0, retryAfter: undefined, blockedFor: undefined };
}

function isRemote({ source }: Receipt): boolean {
  return source !== 'fail-local' && source !== 'fail-open';
}

function isUnavailable(result: DecisionResult): result is StoreUnavailable {
  return result instanceof StoreUnavailable;
}
