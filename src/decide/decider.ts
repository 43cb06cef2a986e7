import type { LimitName } from '../core/verdict.ts';
import { type CounterStore, type Decision, type Outcome, type Receipt, StoreUnavailable } from './ports.ts';
import { receiptOf } from './receipts.ts';
import type { Redemption } from './redeem.ts';

/**
 * A question that has been thought through as far as memory reaches: what it charges, and how to answer it once the
 * counters have spoken. No charges: it is judged without them.
 */
export interface Consideration<Verdict> extends Decision {
  /** How the limit of each charge is known, in their order. */
  readonly names: readonly LimitName[];
  /** Decided after it, each by itself, where it lets the request in. */
  readonly shadows?: readonly ShadowDecision[] | undefined;
  /** `outcome` is undefined when there was nothing to charge, StoreUnavailable when the counters could not tell. */
  judge(outcome: Outcome | StoreUnavailable | undefined): Verdict;
  /** What the question wants done with receipts. */
  readonly redemptions?: readonly Redemption[] | undefined;
}

/** A decision that refuses nothing. What it would have done is told of the rule that it is for. */
export interface ShadowDecision extends Decision {
  readonly rule: string;
}

/** What became of a batch. */
export interface DecidedBatch<Verdict> {
  /** One for each question, in their order. */
  readonly verdicts: readonly Verdict[];
  /** To be given back: what was granted to questions that nobody waits for any more, as their requests do not go on. */
  readonly givesBack: readonly Receipt[];
  /** Of all questions: whoever reports the end of a stream need not wait for an answer. */
  readonly redemptions: readonly Redemption[];
  /** Of the questions that let their request in, and that somebody still waits for: to be decided once all are answered. */
  readonly shadows: readonly ShadowDecision[];
}

/**
 * Answers a batch of considered questions with one call of the store, in their order. `isAbandoned` tells of a question,
 * by its place and once the counters have spoken, whether its caller has left.
 * Rejects only with a fault of the program, never because the store is away.
 */
export async function decideBatch<Verdict>(
  store: CounterStore,
  considerations: readonly Consideration<Verdict>[],
  isAbandoned: (place: number) => boolean,
): Promise<DecidedBatch<Verdict>> {
  const charging = considerations.filter(({ charges }) => charges.length > 0);
  const outcomes = charging.length === 0 ? [] : await store.decide(charging);
  const givesBack: Receipt[] = [];
  const shadows: ShadowDecision[] = [];
  const redemptions: Redemption[] = [];
  let next = 0;
  const verdicts = considerations.map((consideration, place) => {
    const { charges } = consideration;
    if (consideration.redemptions !== undefined) redemptions.push(...consideration.redemptions);
    if (charges.length === 0) {
      if (consideration.shadows !== undefined && !isAbandoned(place)) shadows.push(...consideration.shadows);
      return consideration.judge(undefined);
    }
    const outcome = outcomes[next++];
    // To `judge`, no outcome means that there was nothing to charge, and lets the request in.
    if (outcome === undefined) throw new Error('the store gave fewer outcomes than it was asked for');
    if (!(outcome instanceof StoreUnavailable) && outcome.granted) {
      if (isAbandoned(place)) givesBack.push(receiptOf(undefined, charges, outcome));
      else if (consideration.shadows !== undefined) shadows.push(...consideration.shadows);
    }
    return consideration.judge(outcome);
  });
  return { verdicts, givesBack, redemptions, shadows };
}
