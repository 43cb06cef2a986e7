import { elementAt } from '../../collections/element-at.ts';
import type { Charge, GrantedCharge, Outcome, Receipt } from '../ports.ts';
import { isChargedIfRejected } from '../rejected-charges.ts';

const MICROS_PER_SECOND = 1_000_000;
/** The store remembers for this long that a receipt was used. Receipts for slots live as long as the slots. */
const MAX_LIFETIME_MICROS = 3600 * MICROS_PER_SECOND;
/** A stream may end after its reservation has stopped counting. It can still be settled, once. */
const SETTLEMENT_LIFETIME_MICROS = 900 * MICROS_PER_SECOND;

/**
 * Creates the receipt of a granted decision, for those of its charges that `isIncluded` accepts. `id` is that of the
 * receipt: see Receipt.
 */
export function createReceipt(
  id: string | undefined,
  charges: readonly Charge[],
  outcome: Outcome,
  isIncluded: (charge: Charge) => boolean = isRefundable,
): Receipt {
  let expiresAt = 0;
  const granted: GrantedCharge[] = [];
  for (const [index, charge] of charges.entries()) {
    if (!isIncluded(charge)) continue;
    const { freeAt, resetAfter, lateChargeId } = elementAt(outcome.charges, index);
    expiresAt = Math.max(expiresAt, freeAt - resetAfter + receiptLifetimeMicros(charge, resetAfter));
    granted.push({ charge, countsUntil: freeAt, ...(lateChargeId !== undefined && { lateChargeId }) });
  }
  return { id, source: outcome.source, expiresAt, granted };
}

/**
 * Whether the caller needs a receipt for the charge: to free a slot, or to settle a reservation, even one of no hits.
 * The hits of any other limit stay spent, however the request ends.
 */
export function isRedeemable({ limit, hits }: Charge): boolean {
  return limit.settle === true || (limit.algorithm === 'concurrency' && hits > 0);
}

/** Whether a refund can change the counter of the charge: a charge without hits can only be settled for more. */
function isRefundable({ limit, hits }: Charge): boolean {
  return hits > 0 || limit.settle === true;
}

/** Whether a rejected request gets the hits of the charge back: it does unless the limit charges rejected requests. */
export function isRefundedIfRejected(charge: Charge): boolean {
  return isRefundable(charge) && !isChargedIfRejected(charge);
}

function receiptLifetimeMicros({ limit }: Charge, resetAfter: number): number {
  if (limit.algorithm === 'concurrency') return resetAfter;
  return limit.settle === true ? SETTLEMENT_LIFETIME_MICROS : Math.min(resetAfter, MAX_LIFETIME_MICROS);
}
