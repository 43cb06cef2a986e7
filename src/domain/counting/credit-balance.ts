import type { CreditsSpec } from './counter-spec.ts';

/** State of a counter of credits. Both are at most 2^46, so that sums stay exact. */
export interface CreditBalance {
  /** Charges that were not refunded. */
  spentCredits: number;
  /** Credits that administrators have added to those of the limit. */
  addedCredits: number;
}

const MAX_CREDITS = 2 ** 46;
/**
 * Stands for the time at which spent credits would be available again, in µs since 1970: in the year 2255. Below 2^53,
 * because stores and receipts handle it as any other time.
 */
export const CREDITS_END = 9_000_000_000_000_000;

/** Credits that are left. Negative after a settlement beyond them, and after the limit was lowered. */
export function availableCredits({ spentCredits, addedCredits }: CreditBalance, { requests }: CreditsSpec): number {
  return requests + addedCredits - spentCredits;
}

/** Spends credits, whether they are left or not. */
export function spendCredits(balance: CreditBalance, credits: number): void {
  balance.spentCredits = Math.min(MAX_CREDITS, balance.spentCredits + credits);
}

/** Returns the number of credits given back: never more than are spent. */
export function refundCredits(balance: CreditBalance, credits: number): number {
  const refunded = Math.min(credits, balance.spentCredits);
  balance.spentCredits -= refunded;
  return refunded;
}

export function addCredits(balance: CreditBalance, credits: number): void {
  balance.addedCredits = Math.min(MAX_CREDITS, balance.addedCredits + credits);
}

/** Makes all credits available again, the added ones included. */
export function forgetSpending(balance: CreditBalance): void {
  balance.spentCredits = 0;
}

/** Time in µs until the balance is that of a new counter: until `CREDITS_END`; 0: it is that already. */
export function microsUntilUnspent({ spentCredits, addedCredits }: CreditBalance, clock: number): number {
  return spentCredits > 0 || addedCredits > 0 ? CREDITS_END - clock : 0;
}
