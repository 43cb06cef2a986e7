import { elementAt } from '../../collections/element-at.ts';
import type { LimitStatus } from '../../domain/limits/limit-status.ts';
import type { NamedCharge } from '../named-charge.ts';
import { StoreUnavailable } from '../ports.ts';
import type { AdvisoryResult } from '../prepared-decision.ts';
import { type RateLimitVerdict, UNCHARGED_VERDICT } from './rate-limit-verdict.ts';
import type { PreparedDescriptor } from './verdict-builder.ts';

/** The counters may be back at any moment. */
const RETRY_AFTER_SECONDS = 1;

/** By index of the descriptor: the charge that could not be counted and whose limit admits nothing uncounted. */
export type UncountedCharges = ReadonlyMap<number, NamedCharge>;

/**
 * Returns the verdict on a request that must not pass uncounted (`on_store_failure: deny`). Nothing is known about what
 * remains, so the verdict lists no limits for the headers.
 */
export function denyUncounted(
  descriptors: readonly PreparedDescriptor[],
  uncounted: UncountedCharges,
): RateLimitVerdict {
  return {
    ...UNCHARGED_VERDICT,
    overLimit: true,
    source: 'fail-deny',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    descriptors: descriptors.map(({ metricName, isUnlimited }, index) => {
      const charge = uncounted.get(index);
      const status = charge && uncountedStatus(charge);
      return { overLimit: status !== undefined, status, metricName, ...(isUnlimited && { isUnlimited }) };
    }),
  };
}

/**
 * Finds the first charge of each descriptor that admits nothing uncounted. If there is none at all, this node has no room
 * to count, and the first charge of each descriptor counts.
 */
export function findUncountedCharges(
  descriptors: readonly PreparedDescriptor[],
  charges: readonly NamedCharge[],
): UncountedCharges {
  const isAnyClosed = charges.some(failsClosed);
  const uncounted = new Map<number, NamedCharge>();
  for (const [descriptorIndex, { firstCharge, endCharge }] of descriptors.entries()) {
    for (let index = endCharge - 1; index >= firstCharge; index--) {
      const charge = elementAt(charges, index);
      if (!isAnyClosed || failsClosed(charge)) uncounted.set(descriptorIndex, charge);
    }
  }
  return uncounted;
}

/** Finds the quotas that could not be counted and whose limits admit nothing uncounted. */
export function findUncountedQuotas(advisories: readonly AdvisoryResult[]): UncountedCharges {
  const uncounted = new Map<number, NamedCharge>();
  for (const { advisory, result } of advisories) {
    if (advisory.kind !== 'quota' || !(result instanceof StoreUnavailable)) continue;
    const charge = advisory.charges.find(failsClosed) ?? advisory.charges[0];
    if (charge !== undefined) uncounted.set(advisory.descriptorIndex, charge);
  }
  return uncounted;
}

function failsClosed({ limit: { onStoreFailure, algorithm } }: NamedCharge): boolean {
  return onStoreFailure === 'deny' || algorithm === 'credits';
}

function uncountedStatus({ limit, limitName: { rule, label } }: NamedCharge): LimitStatus {
  return {
    rule,
    label,
    limit,
    exceeded: true,
    remaining: 0,
    resetSeconds: RETRY_AFTER_SECONDS,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  };
}
