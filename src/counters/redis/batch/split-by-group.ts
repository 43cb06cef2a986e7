import {
  type Charge,
  type ChargeOutcome,
  type Decision,
  type Outcome,
  type Receipt,
  StoreUnavailable,
} from '../../../decide/ports.ts';
import { createReceipt } from '../../../decide/receipts/receipt.ts';

/** Those charges of a decision that are decided in one script. */
export interface PartOfDecision extends Decision {
  readonly group: number;
  /** Its place in the batch. */
  readonly decision: number;
  /** Of each charge its place in the decision. */
  readonly places: readonly number[];
}

export interface Part extends PartOfDecision {
  readonly outcome: Outcome | StoreUnavailable;
}

/** The decisions by group of their subjects, in order; torn apart where their charges are of several. */
export function byGroup(
  decisions: readonly Decision[],
  groupOf: (subject: string) => number,
): ReadonlyMap<number, readonly PartOfDecision[]> {
  const parts = decisions.flatMap(({ charges }, decision): PartOfDecision[] => {
    const groups = Map.groupBy(charges.keys(), (place) => groupOf(charges[place]?.subject ?? ''));
    return Array.from(groups, ([group, places]) => {
      return { group, decision, places, charges: places.flatMap((place) => charges[place] ?? []) };
    });
  });
  return Map.groupBy(parts, ({ group }) => group);
}

/** What of a receipt is given back in one script. */
export interface PartOfReceipt {
  readonly group: number;
  /** The receipt's place in the batch. */
  readonly place: number;
  readonly receipt: Receipt;
}

/** The receipts by group of their subjects, in order; torn apart as decisions are. */
export function receiptsByGroup(
  receipts: readonly Receipt[],
  groupOf: (subject: string) => number,
): ReadonlyMap<number, readonly PartOfReceipt[]> {
  const parts = receipts.flatMap((receipt, place): PartOfReceipt[] => {
    const groups = Map.groupBy(receipt.granted, ({ charge }) => groupOf(charge.subject));
    return Array.from(groups, ([group, granted]) => ({ group, place, receipt: { ...receipt, granted } }));
  });
  return Map.groupBy(parts, ({ group }) => group);
}

/**
 * What became of a decision of which each part was decided by itself: granted if all are. Else the parts that were
 * granted are added to `refunds`, and told as they are once they are given back.
 */
export function outcomeOfParts(
  charges: readonly Charge[],
  parts: readonly Part[],
  refunds: Receipt[],
): Outcome | StoreUnavailable {
  const granted = parts.every(({ outcome }) => !(outcome instanceof StoreUnavailable) && outcome.granted);
  const outcomes: ChargeOutcome[] = new Array(charges.length);
  let unavailable: StoreUnavailable | undefined;
  for (const part of parts) {
    const { outcome } = part;
    if (outcome instanceof StoreUnavailable) {
      unavailable = outcome;
      continue;
    }
    const isGivenBack = outcome.granted && !granted;
    if (isGivenBack) refunds.push(createReceipt(undefined, part.charges, outcome));
    for (const [i, place] of part.places.entries()) {
      const charged = outcome.charges[i];
      const back = isGivenBack ? (part.charges[i]?.hits ?? 0) : 0;
      if (charged !== undefined) outcomes[place] = { ...charged, remaining: charged.remaining + back };
    }
  }
  return unavailable ?? { granted, source: 'redis', charges: outcomes };
}
