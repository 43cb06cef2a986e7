import type { CounterSnapshot } from '../../domain/counting/counter-admin.ts';
import type { Charge, ChargeOutcome, Outcome } from '../ports.ts';

/** Whether hits would be refused by a counter that says so. */
export function wouldExceed({ isBlocked, remaining }: CounterSnapshot, hits: number): boolean {
  return isBlocked || hits > remaining;
}

/**
 * The outcome that a decision would have by what its counters say, one state for each charge. Of its times only what a
 * look tells: when a refused request would fit is not known.
 */
export function simulateOutcome(charges: readonly Charge[], states: readonly CounterSnapshot[]): Outcome {
  const asked = new Map<string, number>();
  for (const charge of charges) asked.set(nameOf(charge), (asked.get(nameOf(charge)) ?? 0) + charge.hits);
  // The same counter twice is summed, and by the lower limit.
  const refusing = new Set<string>();
  for (const [place, charge] of charges.entries()) {
    const state = states[place];
    if (state === undefined || wouldExceed(state, asked.get(nameOf(charge)) ?? 0)) refusing.add(nameOf(charge));
  }
  const granted = refusing.size === 0;
  return {
    granted,
    source: 'memory',
    charges: charges.map((charge, place): ChargeOutcome => {
      const exceeded = refusing.has(nameOf(charge));
      const remaining = (states[place]?.remaining ?? 0) - (granted ? charge.hits : 0);
      return {
        exceeded,
        remaining: Math.max(0, remaining),
        resetAfter: 0,
        freeAt: 0,
        retryAfter: undefined,
        blockedFor: undefined,
      };
    }),
  };
}

function nameOf({ subject, limit }: Charge): string {
  return `${limit.identity} ${subject}`;
}
