import { type DecisionResult, StoreUnavailable } from './ports.ts';

/** What is known by its place, and for each place where nothing is, the next of what the store answered. */
export function mergeOutcomes(
  known: readonly (DecisionResult | undefined)[],
  answers: readonly DecisionResult[],
): readonly DecisionResult[] {
  let next = 0;
  return known.map((outcome) => outcome ?? answers[next++] ?? new StoreUnavailable('the store gave no outcome'));
}
