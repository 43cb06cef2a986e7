import { elementAt } from '../../../collections/element-at.ts';
import type { Charge, ChargeOutcome, Outcome, Receipt, RefundResult } from '../../../decide/ports.ts';
import { isChargedIfRejected } from '../../../decide/rejected-charges.ts';
import type { ChargeBatch } from '../batch/charge-batch.ts';
import type { GrantHistory } from '../history/grant-history.ts';

/** Records what scripts charged and refunded, as their replies say it. */
export class GrantRecorder {
  readonly #grants: GrantHistory;

  constructor(grants: GrantHistory) {
    this.#grants = grants;
  }

  /** Records the charges of a batch. `sequence`: that of its script; with 0, it charged nothing. */
  recordOutcomes(group: number, { runs }: ChargeBatch, outcomes: readonly Outcome[], sequence: number): void {
    if (sequence === 0) return;
    const now = performance.now();
    let next = 0;
    for (const { charges, decisionCount, chargesRejected } of runs) {
      let granted = 0;
      let lastGranted: Outcome | undefined;
      for (const end = next + decisionCount; next < end; next++) {
        const outcome = elementAt(outcomes, next);
        if (outcome.granted) {
          granted++;
          lastGranted = outcome;
        } else if (chargesRejected) this.#recordRejected(group, charges, outcome, sequence, now);
      }
      if (lastGranted === undefined) continue;
      for (let i = 0; i < charges.length; i++) {
        const charge = elementAt(charges, i);
        const hitEnd = endOfHits(charge, elementAt(lastGranted.charges, i));
        this.#grants.add(group, charge, charge.hits * granted, hitEnd, sequence, now);
      }
    }
  }

  /** Records refunds whose receipts freed all their hits. Others may have freed any of them: not recording is strict. */
  recordRefunds(group: number, receipts: readonly Receipt[], results: readonly RefundResult[], sequence: number): void {
    if (sequence === 0) return;
    const now = performance.now();
    for (const [index, { granted }] of receipts.entries()) {
      const hits = granted.reduce((sum, { charge }) => sum + charge.hits, 0);
      if (results[index] !== hits) continue;
      for (const { charge, countsUntil, lateChargeId } of granted) {
        // The end that a late charge gave the hits is not known here, and a bucket has no ends.
        if (lateChargeId !== undefined || charge.limit.algorithm === 'token_bucket') continue;
        this.#grants.add(group, charge, -charge.hits, countsUntil, sequence, now);
      }
    }
  }

  #recordRejected(
    group: number,
    charges: readonly Charge[],
    { charges: outcomes }: Outcome,
    sequence: number,
    now: number,
  ) {
    for (const [i, charge] of charges.entries()) {
      if (!isChargedIfRejected(charge)) continue;
      this.#grants.add(group, charge, charge.hits, endOfHits(charge, elementAt(outcomes, i)), sequence, now);
    }
  }
}

/** A bucket refills all hits in turn, so that hits of all times are one. */
function endOfHits({ limit }: Charge, { freeAt }: ChargeOutcome): number {
  return limit.algorithm === 'token_bucket' ? 0 : freeAt;
}
