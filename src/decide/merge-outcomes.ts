import { type Decided, StoreUnavailable } from './ports.ts';

/** What is known by its place, and for each place where nothing is, the next of what the store answered. */
export function inGaps(known: readonly (Decided | undefined)[], answers: readonly Decided[]): readonly Decided[] {
  let next = 0;
  return known.map((outcome) => outcome ?? answers[next++] ?? new StoreUnavailable('the store gave no outcome'));
}
