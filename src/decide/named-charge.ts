import { type LimitName, type LimitStatus, ceilToSeconds } from '../domain/limit-status.ts';
import type { Charge, ChargeOutcome } from './ports.ts';

/** How the limit of a charge stands after its decision. */
export function limitStatus({ rule, label }: LimitName, charge: Charge, outcome: ChargeOutcome): LimitStatus {
  const retryAfterSeconds = outcome.retryAfter === undefined ? undefined : ceilToSeconds(outcome.retryAfter);
  return {
    rule,
    label,
    limit: charge.limit,
    exceeded: outcome.exceeded,
    remaining: outcome.remaining,
    resetSeconds: retryAfterSeconds ?? ceilToSeconds(outcome.resetAfter),
    retryAfterSeconds,
  };
}
