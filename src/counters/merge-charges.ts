import { elementAt } from '../collections/element-at.ts';
import type { Charge, ChargeOutcome } from '../decide/ports.ts';

/** The charges of a decision, one per counter. */
export interface MergedCharges {
  readonly charges: readonly Charge[];
  /** For each original charge, the index in `charges` of its counter. undefined: `charges` are the original charges. */
  readonly indexes: readonly number[] | undefined;
}

/**
 * Merges charges on the same counter into one with the sum of their hits. Where their limits differ in `requests`, the
 * lowest limit applies.
 */
export function mergeCharges(charges: readonly Charge[]): MergedCharges {
  if (!namesCounterTwice(charges)) return { charges, indexes: undefined };
  const merged: Charge[] = [];
  const indexes = charges.map((charge) => {
    const index = indexOfCounter(merged, charge);
    const same = merged[index];
    if (same === undefined) return merged.push(charge) - 1;
    const limit = charge.limit.requests < same.limit.requests ? charge.limit : same.limit;
    // A settlement and a request make a request: the settled hits come first, so the requested ones fit exactly where
    // the sum fits.
    const isSettlement = same.isSettlement === true && charge.isSettlement === true;
    merged[index] = { ...same, limit, hits: same.hits + charge.hits, isSettlement };
    return index;
  });
  return { charges: merged, indexes };
}

/** Returns the outcomes of merged charges in the order of the original charges. */
export function spreadOutcomes(
  outcomes: readonly ChargeOutcome[],
  indexes: MergedCharges['indexes'],
): readonly ChargeOutcome[] {
  return indexes === undefined ? outcomes : indexes.map((index) => elementAt(outcomes, index));
}

/** Reports whether two of the charges are on the same counter. */
export function namesCounterTwice(charges: readonly Charge[]): boolean {
  return charges.length > 1 && charges.some((charge, index) => indexOfCounter(charges, charge) < index);
}

/** Returns the index of the first charge on the same counter, or -1. */
function indexOfCounter(charges: readonly Charge[], { subject, limit }: Charge): number {
  return charges.findIndex((other) => other.subject === subject && other.limit.identity === limit.identity);
}
