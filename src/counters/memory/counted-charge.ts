import type { Charge } from '../../decide/ports.ts';
import { isChargedIfRejected } from '../../decide/rejected-charges.ts';
import type { Counter } from '../../domain/counting/counter.ts';
import type { CounterSpec } from '../../domain/counting/counter-spec.ts';

/** A charge and its counter, at the time of the decision. */
export interface CountedCharge {
  readonly charge: Charge;
  readonly spec: CounterSpec;
  readonly counter: Counter;
  /** Whether the counter is not in the table yet. */
  readonly isNew: boolean;
  /** Hits that would fit, as `available` defines them. */
  readonly available: number;
}

/** Whether a charge adds a counter to the table, once the decision is granted or rejected. */
export function addsCounter({ isNew, charge }: CountedCharge, granted: boolean): boolean {
  return isNew && (granted ? charge.hits > 0 : isChargedIfRejected(charge));
}

export function newSubjects(counted: readonly CountedCharge[], granted: boolean): readonly string[] {
  return counted.filter((charge) => addsCounter(charge, granted)).map(({ charge }) => charge.subject);
}

export function fits({ charge: { hits, reservedHits = 0, isSettlement }, available }: CountedCharge): boolean {
  return isSettlement === true || (hits === 0 ? 0 : hits + reservedHits) <= available;
}

/** Whether the counter itself lacks the hits: those that are reserved may become free again at any moment. */
export function isExceeded({ charge: { hits, isSettlement }, available }: CountedCharge): boolean {
  return isSettlement !== true && hits > available;
}
