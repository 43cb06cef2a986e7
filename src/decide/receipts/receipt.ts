import type { Charge, Outcome, Receipt } from '../ports.ts';

const MICROSECONDS = 1_000_000;
/** That a receipt was given back is remembered for as long; a slot's receipt lives as long as the slot. */
const LONGEST_LIFE = 3600 * MICROSECONDS;
/** A stream may end after what it reserved has stopped counting, and still is to be settled, once. */
const SETTLED_LIFE = 900 * MICROSECONDS;

/** The receipt of a grant. `id`: see Receipt. */
export function createReceipt(id: string | undefined, charges: readonly Charge[], outcome: Outcome): Receipt {
  let expires = 0;
  const granted = charges.flatMap((charge, place) => {
    const charged = outcome.charges[place];
    // What a look reserved may be settled for more.
    if (charged === undefined || (charge.hits === 0 && charge.limit.settle !== true)) return [];
    const { freeAt: end, resetAfter } = charged;
    expires = Math.max(expires, end - resetAfter + lifeOf(charge, resetAfter));
    return { charge, end };
  });
  return { id, source: outcome.source, expires, granted };
}

function lifeOf({ limit }: Charge, resetAfter: number): number {
  if (limit.algorithm === 'concurrency') return resetAfter;
  return limit.settle === true ? SETTLED_LIFE : Math.min(resetAfter, LONGEST_LIFE);
}
