import { elementAt } from '../../../collections/element-at.ts';
import {
  type Charge,
  type ChargeOutcome,
  type Decision,
  type DecisionResult,
  type Receipt,
  StoreUnavailable,
} from '../../../decide/ports.ts';
import { createReceipt, isRefundedIfRejected } from '../../../decide/receipts/receipt.ts';

/** Returns the group of a subject: one script can use only subjects of one group (topology/shards.ts). */
export type GroupForSubject = (subject: string) => number;

/** The charges of a decision that one script can decide. */
export interface DecisionPart extends Decision {
  readonly group: number;
  /** Index of the whole decision in the batch. */
  readonly decisionIndex: number;
  /** For each charge of the part, its index in the whole decision. */
  readonly chargeIndexes: readonly number[];
}

/** A part and its result. */
export interface DecidedPart {
  readonly part: DecisionPart;
  readonly result: DecisionResult;
}

/** Splits decisions by the group of their subjects. Within each group the parts keep the order of the decisions. */
export function splitDecisions(
  decisions: readonly Decision[],
  groupForSubject: GroupForSubject,
): ReadonlyMap<number, readonly DecisionPart[]> {
  const parts = decisions.flatMap(({ charges }, decisionIndex): DecisionPart[] => {
    const groups = Map.groupBy(charges.keys(), (index) => groupForSubject(elementAt(charges, index).subject));
    return Array.from(groups, ([group, chargeIndexes]) => {
      return { group, decisionIndex, chargeIndexes, charges: chargeIndexes.map((index) => elementAt(charges, index)) };
    });
  });
  return Map.groupBy(parts, ({ group }) => group);
}

/** The charges of a receipt that one script can refund. */
export interface ReceiptPart {
  readonly group: number;
  /** Index of the whole receipt among the receipts. */
  readonly receiptIndex: number;
  /** The receipt with only the charges of the part. */
  readonly receipt: Receipt;
}

/** Splits receipts by the group of their subjects. Within each group the parts keep the order of the receipts. */
export function splitReceipts(
  receipts: readonly Receipt[],
  groupForSubject: GroupForSubject,
): ReadonlyMap<number, readonly ReceiptPart[]> {
  const parts = receipts.flatMap((receipt, receiptIndex): ReceiptPart[] => {
    const groups = Map.groupBy(receipt.granted, ({ charge }) => groupForSubject(charge.subject));
    return Array.from(groups, ([group, granted]) => ({ group, receiptIndex, receipt: { ...receipt, granted } }));
  });
  return Map.groupBy(parts, ({ group }) => group);
}

/**
 * Merges the results of a decision's parts: the decision is granted if all parts are. Otherwise the function adds receipts
 * of the granted parts to `refunds`, and reports their counters as they are after that refund. What a rejected decision is
 * charged all the same (`charge_rejected`) is not refunded.
 */
export function mergeParts(
  charges: readonly Charge[],
  parts: readonly DecidedPart[],
  refunds: Receipt[],
): DecisionResult {
  const granted = parts.every(({ result }) => !(result instanceof StoreUnavailable) && result.granted);
  const outcomes: ChargeOutcome[] = new Array(charges.length);
  let unavailable: StoreUnavailable | undefined;
  for (const { part, result } of parts) {
    if (result instanceof StoreUnavailable) {
      unavailable = result;
      continue;
    }
    const isRefunded = result.granted && !granted;
    if (isRefunded) refunds.push(createReceipt(undefined, part.charges, result, isRefundedIfRejected));
    for (const [i, index] of part.chargeIndexes.entries()) {
      const outcome = elementAt(result.charges, i);
      const charge = elementAt(part.charges, i);
      const refundedHits = isRefunded && isRefundedIfRejected(charge) ? charge.hits : 0;
      outcomes[index] = { ...outcome, remaining: outcome.remaining + refundedHits };
    }
  }
  return unavailable ?? { granted, source: 'redis', charges: outcomes };
}
