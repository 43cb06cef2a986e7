import type { Charge, ChargeOutcome } from '../decide/ports.ts';

/** The charges of a decision with one per counter, and for each of the original ones the place of its counter. */
export interface DistinctCharges {
  readonly charges: readonly Charge[];
  /** undefined: the charges are the original ones. */
  readonly places: readonly number[] | undefined;
}

/** Sums the hits of charges on the same counter; where their limits differ in `requests`, the lowest holds. */
export function distinctCharges(charges: readonly Charge[]): DistinctCharges {
  if (charges.length < 2 || !charges.some((charge, place) => placeOfCounter(charges, charge) < place)) {
    return { charges, places: undefined };
  }
  const distinct: Charge[] = [];
  const places = charges.map((charge) => {
    const place = placeOfCounter(distinct, charge);
    const same = distinct[place];
    if (same === undefined) return distinct.push(charge) - 1;
    const limit = charge.limit.requests < same.limit.requests ? charge.limit : same.limit;
    // Hits that were spent come before those that are asked: these fit just where the sum does.
    const isSettlement = same.isSettlement === true && charge.isSettlement === true;
    distinct[place] = { ...same, limit, hits: same.hits + charge.hits, isSettlement };
    return place;
  });
  return { charges: distinct, places };
}

/** The outcomes in the order of the original charges. */
export function spreadOutcomes(
  outcomes: readonly ChargeOutcome[],
  places: readonly number[] | undefined,
): readonly ChargeOutcome[] {
  return places === undefined ? outcomes : places.flatMap((place) => outcomes[place] ?? []);
}

function placeOfCounter(charges: readonly Charge[], { subject, limit }: Charge): number {
  return charges.findIndex((other) => other.subject === subject && other.limit.identity === limit.identity);
}
