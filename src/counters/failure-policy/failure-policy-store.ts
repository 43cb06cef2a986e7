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
import { advertisedQuota } from '../../domain/limit-status.ts';
import { shareLimit } from './limit-share.ts';

export interface FailurePolicyStoreOptions {
  /** The counters that all nodes share. */
  readonly remote: CounterStore;
  /** This node's own, with the source `fail-local`. */
  readonly local: CounterStore;
  /** How many nodes share the limits, this one included; at least 1. */
  readonly liveNodes: () => number;
}

/**
 * Has the limits' own policy decide what the shared counters cannot. A decision whose charges differ in policy: one
 * `deny` leaves it unavailable; else the `local` ones decide, and what `allow` says is not counted.
 *
 * Nothing is replayed once the shared counters are back. They may have counted what was given up, as a reply can be lost
 * after its script ran; a replayed hit would count from now on and not from when it was made; and all nodes would send
 * theirs at the very moment at which the server is weakest. So what was granted meanwhile comes on top: in a window at
 * most once the limit, or one hit per node where that is more.
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
    return mapMaybe(this.#remote.decide(decisions), (outcomes) =>
      outcomes.some(isUnavailable) ? this.#decideByPolicy(decisions, outcomes) : outcomes,
    );
  }

  /** Where they were granted, as nothing was taken elsewhere; of what was let in without counting, nothing. */
  async refund(receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    const isRemote = ({ source }: Receipt) => source !== 'fail-local' && source !== 'fail-open';
    if (receipts.every(isRemote)) return this.#remote.refund(receipts);
    const nodes = this.#liveNodes();
    const locals = receipts.filter(({ source }) => source === 'fail-local');
    const [fromRemote, fromLocal] = await Promise.all([
      this.#remote.refund(receipts.filter(isRemote)),
      this.#local.refund(locals.map((receipt) => ofShares(receipt, nodes))),
    ]);
    const freed = { remote: fromRemote.values(), local: fromLocal.values() };
    return receipts.map((receipt) => {
      if (receipt.source === 'fail-open') return 0;
      return freed[isRemote(receipt) ? 'remote' : 'local'].next().value;
    });
  }

  /**
   * At the shared counters, and then at this node's own as well. While the shared ones cannot be reached nothing is done:
   * the other nodes would not know, and each would go on by its own counters.
   */
  async correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]> {
    const done = await this.#remote.correct(corrections);
    await this.#local.correct(corrections.filter((_, place) => done[place] === undefined));
    return done;
  }

  async #decideByPolicy(
    decisions: readonly Decision[],
    outcomes: readonly DecisionResult[],
  ): Promise<readonly DecisionResult[]> {
    const nodes = this.#liveNodes();
    const answers = [...outcomes];
    const shared: Decision[] = [];
    const places: number[] = [];
    for (const [place, { charges }] of decisions.entries()) {
      if (!isUnavailable(answers[place]) || charges.some(denies)) continue;
      if (charges.every(allows)) {
        answers[place] = { granted: true, source: 'fail-open', charges: charges.map(untouched) };
        continue;
      }
      shared.push({ charges: charges.flatMap((charge) => (allows(charge) ? [] : shareLimit(charge, nodes))) });
      places.push(place);
    }
    for (const [index, outcome] of (await this.#local.decide(shared)).entries()) {
      const place = places[index] ?? 0;
      answers[place] = isUnavailable(outcome) ? outcome : withAllowed(decisions[place]?.charges ?? [], outcome);
    }
    return answers;
  }
}

/** The outcome for all charges, of one for those that were counted. */
function withAllowed(charges: readonly Charge[], outcome: Outcome): Outcome {
  if (charges.length === outcome.charges.length) return outcome;
  const counted = outcome.charges.values();
  return {
    ...outcome,
    charges: charges.map((charge) =>
      allows(charge) ? untouched(charge) : (counted.next().value ?? untouched(charge)),
    ),
  };
}

/** Nothing was counted, so all of the limit is told to be free. */
function untouched({ limit }: Charge): ChargeOutcome {
  const remaining = advertisedQuota(limit).requests;
  return { exceeded: false, remaining, resetAfter: 0, freeAt: 0, retryAfter: undefined, blockedFor: undefined };
}

function ofShares(receipt: Receipt, nodes: number): Receipt {
  return {
    ...receipt,
    granted: receipt.granted.map(({ charge, end }) => ({ charge: shareLimit(charge, nodes), end })),
  };
}

function allows({ limit }: Charge): boolean {
  return limit.onStoreFailure === 'allow';
}

function denies({ limit }: Charge): boolean {
  return limit.onStoreFailure === 'deny';
}

function isUnavailable(outcome: Outcome | StoreUnavailable | undefined): outcome is StoreUnavailable {
  return outcome instanceof StoreUnavailable;
}
