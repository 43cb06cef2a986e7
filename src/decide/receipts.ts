import type { Charge, Outcome, Receipt } from './ports.ts';

/** That a receipt was given back is remembered for as long; a slot's receipt lives as long as the slot. */
const LONGEST_LIFE_MICROSECONDS = 3600 * 1_000_000;

/** The receipt of a grant. `id`: see Receipt. */
export function receiptOf(id: string | undefined, charges: readonly Charge[], outcome: Outcome): Receipt {
  const { time } = outcome;
  let expires = 0;
  const taken = charges.flatMap((charge, place) => {
    if (charge.hits === 0) return [];
    const end = time + (outcome.charges[place]?.resetAfter ?? 0);
    const isSlot = charge.limit.algorithm === 'concurrency';
    expires = Math.max(expires, isSlot ? end : Math.min(end, time + LONGEST_LIFE_MICROSECONDS));
    return { charge, end };
  });
  return { id, expires, taken };
}
