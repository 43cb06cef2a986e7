import { type Charge, type CounterStore, type Decision, type Receipt, StoreUnavailable } from '../ports.ts';

/** What a stream's end wants done with the receipt of its grant. */
export interface Redemption {
  /**
   * `give_back`: so many hits of each of its charges, at most. `settle`: so many hits are what the request really cost,
   * whatever was reserved; slots are given back.
   */
  readonly use: 'give_back' | 'settle';
  readonly hits: number;
  /** undefined: there was none that can be read. Nothing is given back without one. */
  readonly receipt: Receipt | undefined;
}

/**
 * `ignored`: it came again, or too late. `unavailable`: the counters could not be reached, and what was reserved stays
 * charged, or what was spent beyond it is not.
 */
export type RedemptionResult = 'done' | 'ignored' | 'missing' | 'unavailable';

/**
 * Does so, once for each receipt, however often and in whichever way it is asked. One for each, in their order.
 *
 * A settlement changes only the difference: of less than was reserved, the rest is given back; of more, what is beyond
 * is charged now, into debt if need be. So what was reserved is never free in between for others to take.
 */
export async function redeem(
  store: CounterStore,
  redemptions: readonly Redemption[],
): Promise<readonly RedemptionResult[]> {
  const results: RedemptionResult[] = redemptions.map(() => 'missing');
  const readable = redemptions.flatMap(({ use, hits, receipt }, place) =>
    receipt === undefined ? [] : [{ use, hits, receipt, place }],
  );
  const given = await store.refund(readable.map(receiptToGiveBack));
  const beyond: Decision[] = [];
  const places: number[] = [];
  for (const [index, each] of readable.entries()) {
    const back = given[index];
    results[each.place] = back instanceof StoreUnavailable ? 'unavailable' : back === undefined ? 'ignored' : 'done';
    const charges = results[each.place] === 'done' ? chargesBeyond(each) : [];
    if (charges.length === 0) continue;
    beyond.push({ charges });
    places.push(each.place);
  }
  if (beyond.length === 0) return results;
  for (const [index, outcome] of (await store.decide(beyond)).entries()) {
    if (outcome instanceof StoreUnavailable) results[places[index] ?? 0] = 'unavailable';
  }
  return results;
}

interface Readable extends Redemption {
  readonly receipt: Receipt;
}

/** Charges of which nothing is given back are in it too: that the receipt was used is noted with them. */
function receiptToGiveBack({ use, hits, receipt }: Readable): Receipt {
  const granted = receipt.granted.map(({ charge, end }) => {
    const back = use === 'give_back' ? Math.min(hits, charge.hits) : backOfSettled(charge, hits);
    return { charge: { ...charge, hits: back }, end };
  });
  return { ...receipt, granted };
}

function backOfSettled(charge: Charge, hits: number): number {
  return isSlot(charge) ? charge.hits : Math.max(0, charge.hits - hits);
}

function chargesBeyond({ use, hits, receipt }: Readable): readonly Charge[] {
  if (use === 'give_back') return [];
  return receipt.granted.flatMap(({ charge }) =>
    isSlot(charge) || hits <= charge.hits ? [] : [{ ...charge, hits: hits - charge.hits, isSettlement: true }],
  );
}

function isSlot({ limit }: Charge): boolean {
  return limit.algorithm === 'concurrency';
}
