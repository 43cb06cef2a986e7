import { elementAt } from '../../collections/element-at.ts';
import { type Charge, type CounterStore, type Receipt, StoreUnavailable } from '../ports.ts';
import { checkRefunds, checkResults } from '../store-answers.ts';

/** Instruction at the end of a stream for the receipt of its grant. */
export interface Redemption {
  /**
   * `give_back`: refund at most `hits` hits of each charge. `settle`: `hits` is the real cost of the request, whatever
   * was reserved; slots are freed.
   */
  readonly use: 'give_back' | 'settle';
  readonly hits: number;
  /** undefined: the request has no readable receipt. Nothing is refunded without one. */
  readonly receipt: Receipt | undefined;
}

/**
 * `done`: the receipt was redeemed. `ignored`: it was used before, or has expired. `missing`: there was no readable
 * receipt. `unavailable`: the counters are unreachable. Then the reservation stays charged, or the hits spent beyond it
 * stay uncharged.
 */
export type RedemptionResult = 'done' | 'ignored' | 'missing' | 'unavailable';

/**
 * Redeems receipts: each receipt once, however often and in whichever way it comes. Returns one result for each
 * redemption, in the same order.
 *
 * A settlement changes only the difference. If the request cost less than was reserved, the rest is refunded. If it
 * cost more, the excess is charged now, into debt if need be. So a reservation is never free in between for others to
 * take.
 */
export async function redeem(
  store: CounterStore,
  redemptions: readonly Redemption[],
): Promise<readonly RedemptionResult[]> {
  const attempts = redemptions.map(({ use, hits, receipt }): Attempt => ({ use, hits, receipt, result: 'missing' }));
  const readable = attempts.filter(hasReceipt);
  await refund(store, readable);
  await chargeExcess(store, readable);
  return attempts.map(({ result }) => result);
}

interface Attempt extends Redemption {
  result: RedemptionResult;
}

interface ReadableAttempt extends Attempt {
  readonly receipt: Receipt;
}

function hasReceipt(attempt: Attempt): attempt is ReadableAttempt {
  return attempt.receipt !== undefined;
}

async function refund(store: CounterStore, attempts: readonly ReadableAttempt[]): Promise<void> {
  const receipts = attempts.map(receiptToRefund);
  const refunds = checkRefunds(receipts, await store.refund(receipts));
  for (const [index, attempt] of attempts.entries()) {
    const freed = elementAt(refunds, index);
    if (freed instanceof StoreUnavailable) attempt.result = 'unavailable';
    else attempt.result = freed === undefined ? 'ignored' : 'done';
  }
}

/** Charges what settlements cost beyond their reservations. */
async function chargeExcess(store: CounterStore, attempts: readonly ReadableAttempt[]): Promise<void> {
  const excesses = attempts.flatMap((attempt) => {
    const charges = attempt.result === 'done' ? excessCharges(attempt) : [];
    return charges.length === 0 ? [] : [{ attempt, charges }];
  });
  if (excesses.length === 0) return;
  const results = checkResults(excesses, await store.decide(excesses, undefined));
  for (const [index, { attempt }] of excesses.entries()) {
    if (elementAt(results, index) instanceof StoreUnavailable) attempt.result = 'unavailable';
  }
}

/** Keeps charges with no hits to refund: the store marks the receipt as used together with them. */
function receiptToRefund({ use, hits, receipt }: ReadableAttempt): Receipt {
  const granted = receipt.granted.map(({ charge, countsUntil }) => {
    const refunded = use === 'give_back' ? Math.min(hits, charge.hits) : unspentHits(charge, hits);
    return { charge: { ...charge, hits: refunded }, countsUntil };
  });
  return { ...receipt, granted };
}

/** Hits of a charge that a settlement frees. */
function unspentHits(charge: Charge, hits: number): number {
  return isSlot(charge) ? charge.hits : Math.max(0, charge.hits - hits);
}

function excessCharges({ use, hits, receipt }: ReadableAttempt): readonly Charge[] {
  if (use === 'give_back') return [];
  return receipt.granted.flatMap(({ charge }): readonly Charge[] =>
    isSlot(charge) || hits <= charge.hits ? [] : [{ ...charge, hits: hits - charge.hits, isSettlement: true }],
  );
}

function isSlot({ limit }: Charge): boolean {
  return limit.algorithm === 'concurrency';
}
