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
import { shareLimit } from './limit-share.ts';

export interface FailurePolicyStoreOptions {
  /** Counts for all nodes together. */
  readonly remote: CounterStore;
  /** Counts for this node alone, with the source `fail-local`. */
  readonly local: CounterStore;
  /** Returns the number of nodes that share the limits, this one included; at least 1. */
  readonly liveNodes: () => number;
}

/** A decision that the remote store could not decide, and what the local store decides in its place. */
interface FallbackDecision {
  /** Index of the decision in its batch. */
  readonly index: number;
  readonly charges: readonly Charge[];
  /** The charges to count, each on this node's share of its limit. */
  readonly localDecision: Decision;
}

interface Refund {
  readonly receipt: Receipt;
  result: RefundResult;
}

/**
 * Applies each limit's `on_store_failure` where the remote store is unavailable. The policies of a decision's charges
 * can differ: with one `deny` the decision stays unavailable. Otherwise the `local` charges decide, and `allow` charges
 * are not counted.
 *
 * Nothing is replayed once the remote store is back, for three reasons. It may have counted decisions that failed here,
 * as a reply can be lost after its script ran. A replayed hit would count from the time of the replay, not from the
 * time it was made. And all nodes would send theirs at the very moment at which the server is weakest. So the grants of
 * an outage come on top: in a window at most once the limit, or one hit per node where that is more.
 */
export class FailurePolicyStore implements CounterStore {
  readonly #remote: CounterStore;
  readonly #local: CounterStore;
  readonly #liveNodes: () => number;

  constructor({ remote, local, liveNodes }: FailurePolicyStoreOptions) {
    this.#remote = remote;
    this.#local = local;
    this.#liveNodes = liveNodes;
  }

  decide(decisions: readonly Decision[]): MaybePromise<readonly DecisionResult[]> {
    return mapMaybe(this.#remote.decide(decisions), (results) =>
      results.some(isUnavailable) ? this.#applyPolicies(decisions, results) : results,
    );
  }

  /**
   * Refunds each receipt where it was granted, the only place that counted it. A grant that failed open frees nothing.
   */
  async refund(receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    if (receipts.every(isRemote)) return this.#remote.refund(receipts);
    const nodes = this.#liveNodes();
    const refunds = receipts.map((receipt): Refund => ({ receipt, result: 0 }));
    const remote = refunds.filter(({ receipt }) => isRemote(receipt));
    const local = refunds.filter(({ receipt }) => receipt.source === 'fail-local');
    const [remoteResults, localResults] = await Promise.all([
      this.#remote.refund(remote.map(({ receipt }) => receipt)),
      this.#local.refund(local.map(({ receipt }) => shareReceipt(receipt, nodes))),
    ]);
    for (const [index, refund] of remote.entries()) refund.result = elementAt(remoteResults, index);
    for (const [index, refund] of local.entries()) refund.result = elementAt(localResults, index);
    return refunds.map(({ result }) => result);
  }

  /**
   * Corrects the remote counters, and then this node's own. While the remote store is unavailable it changes nothing:
   * the other nodes would not know, and each would continue with its own counters.
   */
  async correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]> {
    const results = await this.#remote.correct(corrections);
    await this.#local.correct(corrections.filter((_, index) => elementAt(results, index) === undefined));
    return results;
  }

  /** Returns the results with those that are unavailable replaced, as far as the policies allow it. */
  async #applyPolicies(
    decisions: readonly Decision[],
    remoteResults: readonly DecisionResult[],
  ): Promise<readonly DecisionResult[]> {
    const nodes = this.#liveNodes();
    const results = [...remoteResults];
    const fallbacks: FallbackDecision[] = [];
    for (const [index, { charges }] of decisions.entries()) {
      if (!isUnavailable(elementAt(remoteResults, index)) || charges.some(failsClosed)) continue;
      if (charges.every(failsOpen)) {
        results[index] = { granted: true, source: 'fail-open', charges: charges.map(uncountedOutcome) };
        continue;
      }
      const counted = charges.flatMap((charge) => (failsOpen(charge) ? [] : shareLimit(charge, nodes)));
      fallbacks.push({ index, charges, localDecision: { charges: counted } });
    }
    const localResults = await this.#local.decide(fallbacks.map(({ localDecision }) => localDecision));
    for (const [position, { index, charges }] of fallbacks.entries()) {
      const result = elementAt(localResults, position);
      results[index] = isUnavailable(result) ? result : addUncounted(charges, result);
    }
    return results;
  }
}

/** Completes the outcome of a decision's counted charges with those of the charges that fail open. */
function addUncounted(charges: readonly Charge[], outcome: Outcome): Outcome {
  if (charges.length === outcome.charges.length) return outcome;
  let counted = 0;
  return {
    ...outcome,
    charges: charges.map((charge) =>
      failsOpen(charge) ? uncountedOutcome(charge) : elementAt(outcome.charges, counted++),
    ),
  };
}

/** The outcome of a charge that is not counted: the whole limit is free. */
function uncountedOutcome({ limit }: Charge): ChargeOutcome {
  const remaining = advertisedQuota(limit).requests;
  return { exceeded: false, remaining, resetAfter: 0, freeAt: 0, retryAfter: undefined, blockedFor: undefined };
}

function shareReceipt(receipt: Receipt, nodes: number): Receipt {
  const granted = receipt.granted.map(({ charge, countsUntil }) => ({
    charge: shareLimit(charge, nodes),
    countsUntil,
  }));
  return { ...receipt, granted };
}

function isRemote({ source }: Receipt): boolean {
  return source !== 'fail-local' && source !== 'fail-open';
}

function failsOpen({ limit }: Charge): boolean {
  return limit.onStoreFailure === 'allow';
}

function failsClosed({ limit }: Charge): boolean {
  return limit.onStoreFailure === 'deny';
}

function isUnavailable(result: DecisionResult): result is StoreUnavailable {
  return result instanceof StoreUnavailable;
}
