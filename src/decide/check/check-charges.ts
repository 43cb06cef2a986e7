import type { NamedCharge } from '../named-charge.ts';

/** The charges of a Check. */
export interface CheckCharges {
  readonly charges: readonly NamedCharge[];
  /** The rules or plans of the limits that Check cannot enforce; undefined: it enforces all of them. */
  readonly unenforcedRules: readonly string[] | undefined;
}

export const NO_CHECK_CHARGES: CheckCharges = { charges: [], unenforcedRules: undefined };

/**
 * Leaves out the charges of `concurrency` limits. Check never learns when a request ends, so a slot that it took would
 * stay taken until the end of its window.
 */
export function withoutSlots(charges: readonly NamedCharge[]): CheckCharges {
  if (!charges.some(takesSlot)) return { charges, unenforcedRules: undefined };
  return {
    charges: charges.filter((charge) => !takesSlot(charge)),
    unenforcedRules: charges.filter(takesSlot).map(({ limitName }) => limitName.rule),
  };
}

/** The charges of both. */
export function addCharges(first: CheckCharges, second: CheckCharges): CheckCharges {
  if (first.charges.length === 0 && first.unenforcedRules === undefined) return second;
  return {
    charges: [...first.charges, ...second.charges],
    unenforcedRules:
      first.unenforcedRules === undefined && second.unenforcedRules === undefined
        ? undefined
        : [...(first.unenforcedRules ?? []), ...(second.unenforcedRules ?? [])],
  };
}

function takesSlot({ limit }: NamedCharge): boolean {
  return limit.algorithm === 'concurrency';
}
