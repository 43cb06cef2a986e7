import { elementAt } from '../collections/element-at.ts';
import { ceilToSeconds, type LimitName, type LimitStatus, limitCapacity } from '../domain/limits/limit-status.ts';
import type { Charge, ChargeOutcome, Outcome } from './ports.ts';

/** A charge that carries the name of its limit, for the response. The store only sees the charge. */
export interface NamedCharge extends Charge {
  readonly limitName: LimitName;
  /** The charge only looks whether the limit rejects. It is reported only if it does. */
  readonly isPeek?: true;
  /** An edit of its plan or key, or another plan, has superseded the limit. It is reported only if it rejects. */
  readonly isSuperseded?: true;
}

/** Whether a decision reports the status of a charge. */
export function isReported({ isPeek, isSuperseded }: NamedCharge, { exceeded }: LimitStatus): boolean {
  return exceeded || (isPeek !== true && isSuperseded !== true);
}

/** Describes the limit of a charge after its decision. `charges` are all charges of the decision. */
export function limitStatus(charge: NamedCharge, outcome: ChargeOutcome, charges: readonly NamedCharge[]): LimitStatus {
  const { limit, limitName } = charge;
  const retryAfterSeconds = outcome.retryAfter === undefined ? undefined : ceilToSeconds(outcome.retryAfter);
  return {
    rule: limitName.rule,
    label: limitName.label,
    limit,
    exceeded: outcome.exceeded,
    remaining: outcome.remaining,
    resetSeconds: retryAfterSeconds ?? ceilToSeconds(outcome.resetAfter),
    retryAfterSeconds,
    isBlocked: waitsForBlock(outcome),
    costExceedsLimit: outcome.exceeded && exceedsCapacity(charge, charges),
  };
}

/** Whether the hits fit as soon as the block ends. While the usage rejects them for longer, the block does not matter. */
function waitsForBlock({ blockedFor, retryAfter }: ChargeOutcome): boolean {
  return blockedFor !== undefined && blockedFor === retryAfter;
}

/** Describes the limits of all charges of a decision, without those that `isReported` leaves out. */
export function limitStatuses(charges: readonly NamedCharge[], outcome: Outcome): readonly LimitStatus[] {
  const statuses: LimitStatus[] = [];
  for (let index = 0; index < charges.length; index++) {
    const charge = elementAt(charges, index);
    const status = limitStatus(charge, elementAt(outcome.charges, index), charges);
    if (isReported(charge, status)) statuses.push(status);
  }
  return statuses;
}

/**
 * Whether the hits never fit, whatever the counter says. A rejection without a time for a retry does not tell: slots have
 * none, and a node that decides alone knows only its share of the limit. Charges on one counter add up, and the lowest
 * of their limits applies.
 */
function exceedsCapacity({ subject, limit: { identity } }: NamedCharge, charges: readonly NamedCharge[]): boolean {
  let hits = 0;
  let capacity = Number.POSITIVE_INFINITY;
  for (const other of charges) {
    if (other.subject !== subject || other.limit.identity !== identity) continue;
    hits += other.hits;
    capacity = Math.min(capacity, limitCapacity(other.limit));
  }
  return hits > capacity;
}
