import type { Charge, Outcome, Receipt } from './ports.ts';

/** That a receipt was given back is remembered for as long; a slot's receipt lives as long as the slot. */
const LONGEST_LIFE_MICROSECONDS = 3600 * 1_000_000;

/** The receipt of a grant. `id`: see Receipt. */
export function receiptOf(id: string | undefined, charges: readonly Charge[], outcome: Outcome): Receipt {
  let expires = 0;
  const taken = charges.flatMap((charge, place) => {
    const charged = outcome.charges[place];
    if (charged === undefined || charge.hits === 0) return [];
    const { freeAt: end, resetAfter } = charged;
    const isSlot = charge.limit.algorithm === 'concurrency';
    expires = Math.max(expires, isSlot ? end : end - resetAfter + Math.min(resetAfter, LONGEST_LIFE_MICROSECONDS));
    return { charge, end };
  });
  return { id, source: outcome.source, expires, taken };
}
