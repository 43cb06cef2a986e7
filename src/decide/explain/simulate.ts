import type { CounterSnapshot } from '../../domain/counting/counter-admin.ts';
import type { Charge, ChargeOutcome, Outcome } from '../ports.ts';
import { isChargedIfRejected } from '../rejected-charges.ts';

/** A charge, and its counter before the charge is made. */
export interface SimulatedCharge {
  readonly charge: Charge;
  readonly snapshot: CounterSnapshot;
}

/** Whether the counter would reject the hits. */
export function wouldExceed({ isBlocked, remaining }: CounterSnapshot, hits: number): boolean {
  return isBlocked || hits > remaining;
}

/**
 * Simulates the outcome of a decision. A peek does not show when a rejected request would fit, so the outcome has no
 * times.
 */
export function simulateOutcome(charges: readonly SimulatedCharge[]): Outcome {
  // The store sums charges on the same counter, and applies the lower limit.
  const hitsByCounter = new Map<string, number>();
  for (const { charge } of charges) {
    const counter = counterName(charge);
    hitsByCounter.set(counter, (hitsByCounter.get(counter) ?? 0) + charge.hits);
  }
  const rejecting = new Set<string>();
  for (const { charge, snapshot } of charges) {
    const counter = counterName(charge);
    if (wouldExceed(snapshot, hitsByCounter.get(counter) ?? 0)) rejecting.add(counter);
  }
  const granted = rejecting.size === 0;
  return {
    granted,
    source: 'memory',
    charges: charges.map(({ charge, snapshot }): ChargeOutcome => {
      const remaining = snapshot.remaining - (granted || isChargedIfRejected(charge) ? charge.hits : 0);
      return {
        exceeded: rejecting.has(counterName(charge)),
        remaining: Math.max(0, remaining),
        resetAfter: 0,
        freeAt: 0,
        retryAfter: undefined,
        blockedFor: undefined,
      };
    }),
  };
}

function counterName({ subject, limit }: Charge): string {
  return `${limit.identity} ${subject}`;
}
