import type { FixedWindowLimit } from '../domain/limits/limit.ts';
import type { Charge, Decision } from './ports.ts';

/**
 * Whether the hits stay charged if the request is rejected (`charge_rejected`). Hits that are reserved for later
 * (`spentWithinMicros`) do not: they are not spent yet.
 */
export function isChargedIfRejected({ limit, hits, isSettlement, spentWithinMicros }: Charge): boolean {
  return limit.chargeRejected === true && hits > 0 && isSettlement !== true && spentWithinMicros === undefined;
}

/** Rejects everything and counts nothing. Its identity has no slash, so no written limit shares its counters. */
const REJECTING_LIMIT: FixedWindowLimit = {
  name: 'rejected',
  algorithm: 'fixed_window',
  requests: 0,
  windowSeconds: 1,
  identity: '!rejected',
};

/**
 * Returns decisions that charge a rejected request to those limits with `charge_rejected` that the store was not asked
 * about. Each contains a charge that never fits, so that the store charges it as every other rejected decision.
 */
export function chargesOfRejected(decisions: readonly Decision[]): readonly Decision[] {
  return decisions.flatMap(({ charges }) => {
    const charged = charges.filter(isChargedIfRejected);
    if (charged.length === 0) return [];
    // One for each subject: a cluster may decide each subject on its own.
    const subjects = new Set(charged.map(({ subject }) => subject));
    const rejecting = Array.from(subjects, (subject): Charge => ({ subject, limit: REJECTING_LIMIT, hits: 1 }));
    return [{ charges: [...charged, ...rejecting] }];
  });
}
