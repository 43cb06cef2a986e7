import type { LimitName } from '../domain/limit-status.ts';
import {
  type CounterStore,
  type Decision,
  type DecisionResult,
  type MaybePromise,
  mapMaybe,
  type Outcome,
  type Receipt,
  StoreUnavailable,
} from './ports.ts';
import { createReceipt } from './receipts/receipt.ts';
import type { Redemption } from './receipts/redeem.ts';

/**
 * A question that has been thought through as far as memory reaches: what it charges, and how to answer it once the
 * counters have spoken. No charges: it is judged without them.
 */
export interface PreparedDecision<Verdict> extends Decision {
  /** How the limit of each charge is known, in their order. */
  readonly names: readonly LimitName[];
  /** Decided after it, each by itself, where it lets the request in. */
  readonly shadows?: readonly ShadowDecision[] | undefined;
  /** Decided after it, each by itself, where it lets the request in, and before it is judged. */
  readonly advisories?: readonly AdvisoryDecision[] | undefined;
  /**
   * `outcome` is undefined when there was nothing to charge, StoreUnavailable when the counters could not tell. `beside`
   * tells what was decided of its own `beside`; empty where that was not asked.
   */
  conclude(outcome: DecisionResult | undefined, beside?: readonly DecisionResult[]): Verdict;
  /** Whether what was decided beside it refuses the request: then what was granted is given back. */
  isRejectedByAdvisories?(beside: readonly DecisionResult[]): boolean;
  /** What the question wants done with receipts. */
  readonly redemptions?: readonly Redemption[] | undefined;
}

/** A decision that refuses nothing. What it would have done is told of the rule that it is for. */
export interface ShadowDecision extends Decision {
  readonly rule: string;
}

/** A decision that refuses nothing by itself, but is told in the answer. */
export interface AdvisoryDecision extends Decision {
  readonly kind: 'quota' | 'candidate';
  readonly rule: string;
}

/** What became of a batch. */
export interface DecidedBatch<Verdict> {
  /** One for each question, in their order. */
  readonly verdicts: readonly Verdict[];
  /** To be given back: what was granted to questions that nobody waits for any more, as their requests do not go on. */
  readonly refunds: readonly Receipt[];
  /** Of all questions: whoever reports the end of a stream need not wait for an answer. */
  readonly redemptions: readonly Redemption[];
  /** Of the questions that let their request in, and that somebody still waits for: to be decided once all are answered. */
  readonly shadows: readonly ShadowDecision[];
}

/**
 * Answers a batch of considered questions with one call of the store, in their order; with a second one where there is
 * something to decide beside them. `isAbandoned` tells of a question, by its place and once the counters have spoken,
 * whether its caller has left. Throws, or rejects, only with a fault of the program, never because the store is away.
 */
export function decideBatch<Verdict>(
  store: CounterStore,
  considerations: readonly PreparedDecision<Verdict>[],
  isAbandoned: (place: number) => boolean,
): MaybePromise<DecidedBatch<Verdict>> {
  const outcomes = decideCharges(store, considerations);
  return outcomes instanceof Promise || considerations.some(({ advisories }) => advisories !== undefined)
    ? judgeLater(store, considerations, outcomes, isAbandoned)
    : judge(considerations, outcomes, undefined, isAbandoned);
}

async function judgeLater<Verdict>(
  store: CounterStore,
  considerations: readonly PreparedDecision<Verdict>[],
  deciding: MaybePromise<Outcomes>,
  isAbandoned: (place: number) => boolean,
): Promise<DecidedBatch<Verdict>> {
  const outcomes = await deciding;
  const besides = considerations.some(({ advisories }) => advisories !== undefined)
    ? await decideBeside(store, considerations, outcomes, isAbandoned)
    : undefined;
  return judge(considerations, outcomes, besides, isAbandoned);
}

/** By the places of the considerations: undefined where there is nothing to charge. */
type Outcomes = readonly (DecisionResult | undefined)[];

function judge<Verdict>(
  considerations: readonly PreparedDecision<Verdict>[],
  outcomes: Outcomes,
  besides: readonly (readonly DecisionResult[])[] | undefined,
  isAbandoned: (place: number) => boolean,
): DecidedBatch<Verdict> {
  const refunds: Receipt[] = [];
  const shadows: ShadowDecision[] = [];
  const redemptions: Redemption[] = [];
  const verdicts = considerations.map((consideration, place) => {
    if (consideration.redemptions !== undefined) redemptions.push(...consideration.redemptions);
    const outcome = outcomes[place];
    const beside = besides?.[place] ?? NONE;
    if (letsIn(outcome)) {
      if (isAbandoned(place) || consideration.isRejectedByAdvisories?.(beside) === true) {
        refunds.push(...grantsOf(consideration, outcome, beside));
      } else if (consideration.shadows !== undefined) shadows.push(...consideration.shadows);
    }
    return consideration.conclude(outcome, beside);
  });
  return { verdicts, refunds, redemptions, shadows };
}

const NONE: readonly never[] = [];

function decideCharges(
  store: CounterStore,
  considerations: readonly PreparedDecision<unknown>[],
): MaybePromise<Outcomes> {
  const charging = considerations.filter(({ charges }) => charges.length > 0);
  if (charging.length === 0) return NONE;
  return mapMaybe(store.decide(charging), (outcomes) => inPlaces(considerations, charging.length, outcomes));
}

function inPlaces(
  considerations: readonly PreparedDecision<unknown>[],
  asked: number,
  outcomes: readonly DecisionResult[],
): Outcomes {
  // To `judge`, no outcome means that there was nothing to charge, and lets the request in.
  if (outcomes.length < asked) throw new Error('the store gave fewer outcomes than it was asked for');
  if (asked === considerations.length) return outcomes;
  let next = 0;
  return considerations.map(({ charges }) => (charges.length > 0 ? outcomes[next++] : undefined));
}

async function decideBeside(
  store: CounterStore,
  considerations: readonly PreparedDecision<unknown>[],
  outcomes: Outcomes,
  isAbandoned: (place: number) => boolean,
): Promise<readonly (readonly DecisionResult[])[]> {
  const asked = considerations.map(({ advisories = NONE }, place) =>
    letsIn(outcomes[place]) && !isAbandoned(place) ? advisories : NONE,
  );
  const decided = (await store.decide(asked.flat())).values();
  return asked.map((each) => each.map(() => decided.next().value ?? new StoreUnavailable('the store gave no outcome')));
}

function letsIn(outcome: DecisionResult | undefined): outcome is Outcome | undefined {
  return outcome === undefined || (!(outcome instanceof StoreUnavailable) && outcome.granted);
}

function grantsOf(
  { charges, advisories = NONE }: PreparedDecision<unknown>,
  outcome: Outcome | undefined,
  decided: readonly DecisionResult[],
): readonly Receipt[] {
  const receipts = outcome === undefined ? [] : [createReceipt(undefined, charges, outcome)];
  for (const [place, each] of advisories.entries()) {
    const granted = decided[place];
    if (granted !== undefined && letsIn(granted)) receipts.push(createReceipt(undefined, each.charges, granted));
  }
  return receipts;
}
