import { elementAt } from '../collections/element-at.ts';
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
import type { AdvisoryDecision, AdvisoryResult, PreparedDecision, ShadowDecision } from './prepared-decision.ts';
import { createReceipt, isRefundedIfRejected } from './receipts/receipt.ts';
import type { Redemption } from './receipts/redeem.ts';
import { chargesOfRejected } from './rejected-charges.ts';
import { checkResults } from './store-answers.ts';

/** The result of a batch, and the work that it leaves to do once all calls are answered. */
export interface DecidedBatch<Verdict> {
  /** One for each decision, in the same order. */
  readonly verdicts: readonly Verdict[];
  /** Grants to refund: their requests do not go on, because the caller has left or a quota rejects them. */
  readonly refunds: readonly Receipt[];
  /** Redemptions of all decisions. A caller that reports the end of a stream does not wait for them. */
  readonly redemptions: readonly Redemption[];
  /** Shadows of the granted requests that somebody still waits for. */
  readonly shadows: readonly ShadowDecision[];
  /** Charges that rejected requests owe to limits that the store was not asked about (`charge_rejected`), and penalties. */
  readonly chargesOfRejected: readonly Decision[];
}

/**
 * Decides a batch in order with one call of the store, or with a second one if decisions have advisories. `isAbandoned`
 * returns whether the caller of the decision at an index has left. It is called after the store has answered. `waitMs` is
 * that of `CounterStore.decide`, for the first call. Throws or rejects only on a bug, never because the store is
 * unreachable.
 */
export function decideBatch<Verdict>(
  store: CounterStore,
  decisions: readonly PreparedDecision<Verdict>[],
  isAbandoned: (index: number) => boolean,
  waitMs?: number,
): MaybePromise<DecidedBatch<Verdict>> {
  const results = decideCharges(store, decisions, waitMs);
  return results instanceof Promise || decisions.some(hasAdvisories)
    ? concludeLater(store, decisions, results, isAbandoned)
    : concludeBatch(decisions, results, undefined, isAbandoned);
}

async function concludeLater<Verdict>(
  store: CounterStore,
  decisions: readonly PreparedDecision<Verdict>[],
  deciding: MaybePromise<Results>,
  isAbandoned: (index: number) => boolean,
): Promise<DecidedBatch<Verdict>> {
  const results = await deciding;
  const advisoryResults = decisions.some(hasAdvisories)
    ? await decideAdvisories(store, decisions, results, isAbandoned)
    : undefined;
  return concludeBatch(decisions, results, advisoryResults, isAbandoned);
}

function concludeBatch<Verdict>(
  decisions: readonly PreparedDecision<Verdict>[],
  results: Results,
  advisoryResults: readonly (readonly AdvisoryResult[])[] | undefined,
  isAbandoned: (index: number) => boolean,
): DecidedBatch<Verdict> {
  const refunds: Receipt[] = [];
  const shadows: ShadowDecision[] = [];
  const redemptions: Redemption[] = [];
  const ofRejected: Decision[] = [];
  const verdicts = decisions.map((decision, index) => {
    if (decision.redemptions !== undefined) redemptions.push(...decision.redemptions);
    const result = resultFor(decision, results, index);
    const advisories = advisoryResults === undefined ? NONE : elementAt(advisoryResults, index);
    if (isGranted(result)) {
      if (decision.penalties !== undefined) ofRejected.push(...decision.penalties);
      const isRejected = decision.isRejectedByAdvisories?.(advisories) === true;
      if (isRejected || isAbandoned(index)) refunds.push(...receiptsFor(decision, result, advisories));
      else if (decision.shadows !== undefined) shadows.push(...decision.shadows);
      if (isRejected && decision.shadows !== undefined) ofRejected.push(...chargesOfRejected(decision.shadows));
    } else {
      if (decision.earlierGrant !== undefined) refunds.push(decision.earlierGrant);
      if (!(result instanceof StoreUnavailable)) {
        if (decision.shadows !== undefined) ofRejected.push(...chargesOfRejected(decision.shadows));
        if (decision.advisories !== undefined) ofRejected.push(...chargesOfRejected(undecided(decision, advisories)));
      }
    }
    return decision.conclude(result, advisories);
  });
  return { verdicts, refunds, redemptions, shadows, chargesOfRejected: ofRejected };
}

/** The results of a batch, by the index of the decision. undefined, or past the end: the decision has no charges. */
type Results = readonly (DecisionResult | undefined)[];

const NONE: readonly never[] = [];

function decideCharges(
  store: CounterStore,
  decisions: readonly PreparedDecision<unknown>[],
  waitMs: number | undefined,
): MaybePromise<Results> {
  const charging = decisions.filter(hasCharges);
  if (charging.length === 0) return NONE;
  return mapMaybe(store.decide(charging, waitMs), (results) =>
    alignResults(decisions, checkResults(charging, results)),
  );
}

/** Moves each result of the decisions with charges to the index of its decision. */
function alignResults(decisions: readonly PreparedDecision<unknown>[], results: readonly DecisionResult[]): Results {
  if (results.length === decisions.length) return results;
  let next = 0;
  return decisions.map((decision) => (hasCharges(decision) ? elementAt(results, next++) : undefined));
}

/** Returns the result of a decision; undefined if it has no charges. */
function resultFor(decision: PreparedDecision<unknown>, results: Results, index: number): DecisionResult | undefined {
  if (!hasCharges(decision)) return undefined;
  const result = elementAt(results, index);
  // Without a result, the request would be let in uncounted.
  if (result === undefined) throw new Error('a decision with charges has no result');
  return result;
}

async function decideAdvisories(
  store: CounterStore,
  decisions: readonly PreparedDecision<unknown>[],
  results: Results,
  isAbandoned: (index: number) => boolean,
): Promise<readonly (readonly AdvisoryResult[])[]> {
  const open = decisions.map((decision, index) => {
    if (decision.advisories === undefined || isAbandoned(index)) return NONE;
    const result = resultFor(decision, results, index);
    if (isGranted(result)) return decision.advisories;
    return result instanceof StoreUnavailable ? NONE : decision.advisories.filter(isIndependent);
  });
  const advisories = open.flat();
  const answers = checkResults(advisories, await store.decide(advisories, undefined));
  let next = 0;
  return open.map((own) => own.map((advisory) => ({ advisory, result: elementAt(answers, next++) })));
}

function isIndependent(advisory: AdvisoryDecision): boolean {
  return advisory.kind === 'quota' && advisory.isIndependent === true;
}

/** The advisories of a decision that have no results. */
function undecided(
  { advisories = NONE }: PreparedDecision<unknown>,
  results: readonly AdvisoryResult[],
): readonly AdvisoryDecision[] {
  return results.length === 0
    ? advisories
    : advisories.filter((advisory) => !results.some((result) => result.advisory === advisory));
}

function hasCharges({ charges }: PreparedDecision<unknown>): boolean {
  return charges.length > 0;
}

function hasAdvisories({ advisories }: PreparedDecision<unknown>): boolean {
  return advisories !== undefined;
}

/** Whether the store lets the request in. It does if there was nothing to charge. */
function isGranted(result: DecisionResult | undefined): result is Outcome | undefined {
  return result === undefined || (!(result instanceof StoreUnavailable) && result.granted);
}

/**
 * Receipts for everything that a decision and its advisories were granted, except for hits that are charged to rejected
 * requests as well: they are spent already.
 */
function receiptsFor(
  { charges, earlierGrant }: PreparedDecision<unknown>,
  outcome: Outcome | undefined,
  advisories: readonly AdvisoryResult[],
): readonly Receipt[] {
  const receipts = outcome === undefined ? [] : [createReceipt(undefined, charges, outcome, isRefundedIfRejected)];
  if (earlierGrant !== undefined) receipts.push(earlierGrant);
  for (const { advisory, result } of advisories) {
    if (result instanceof StoreUnavailable || !result.granted) continue;
    receipts.push(createReceipt(undefined, advisory.charges, result, isRefundedIfRejected));
  }
  return receipts;
}
