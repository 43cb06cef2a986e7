import { elementAt } from '../collections/element-at.ts';
import { type Decision, type DecisionResult, type Receipt, type RefundResult, StoreUnavailable } from './ports.ts';

// A store answers by position. A wrong length would hand the result of one request to another, so lengths are checked
// here, once, where the answer arrives. Everything after it relies on them.

/** Returns the results. Throws unless there is one for each decision, with one outcome for each of its charges. */
export function checkResults(
  decisions: readonly Decision[],
  results: readonly DecisionResult[],
): readonly DecisionResult[] {
  checkLength('results of decisions', decisions.length, results.length);
  for (let index = 0; index < results.length; index++) {
    const result = elementAt(results, index);
    if (result instanceof StoreUnavailable) continue;
    checkLength('outcomes of charges', elementAt(decisions, index).charges.length, result.charges.length);
  }
  return results;
}

/** Returns the results. Throws unless there is one for each receipt. */
export function checkRefunds(receipts: readonly Receipt[], results: readonly RefundResult[]): readonly RefundResult[] {
  checkLength('results of refunds', receipts.length, results.length);
  return results;
}

/** Fills each gap of `cached` with the next of the store's answers. Throws unless there are as many answers as gaps. */
export function mergeOutcomes(
  cached: readonly (DecisionResult | undefined)[],
  answers: readonly DecisionResult[],
): readonly DecisionResult[] {
  let next = 0;
  const merged = cached.map((result) => result ?? elementAt(answers, next++));
  checkLength('results of decisions', next, answers.length);
  return merged;
}

function checkLength(name: string, expected: number, found: number): void {
  if (found !== expected) throw new Error(`counter store: number of ${name}: must be ${expected} (got ${found})`);
}
