import { elementAt } from '../collections/element-at.ts';
import { ceilToSeconds, type LimitName, type LimitStatus } from '../domain/limits/limit-status.ts';
import type { Charge, ChargeOutcome, Outcome } from './ports.ts';

/** A charge that carries the name of its limit, for the response. The store only sees the charge. */
export interface NamedCharge extends Charge {
  readonly limitName: LimitName;
}

/** Describes the limit of a charge after its decision. */
export function limitStatus({ limit, limitName }: NamedCharge, outcome: ChargeOutcome): LimitStatus {
  const retryAfterSeconds = outcome.retryAfter === undefined ? undefined : ceilToSeconds(outcome.retryAfter);
  return {
    rule: limitName.rule,
    label: limitName.label,
    limit,
    exceeded: outcome.exceeded,
    remaining: outcome.remaining,
    resetSeconds: retryAfterSeconds ?? ceilToSeconds(outcome.resetAfter),
    retryAfterSeconds,
  };
}

/** Describes the limits of all charges of a decision. */
export function limitStatuses(charges: readonly NamedCharge[], outcome: Outcome): readonly LimitStatus[] {
  const statuses: LimitStatus[] = [];
  for (let index = 0; index < charges.length; index++) {
    statuses.push(limitStatus(elementAt(charges, index), elementAt(outcome.charges, index)));
  }
  return statuses;
}
