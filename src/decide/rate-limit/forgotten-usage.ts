import { BoundedMap } from '../../collections/bounded-map.ts';
import type { Charge } from '../ports.ts';

/** Enough to recognize the pattern. A subject that is missing delays the warning, and nothing else. */
const MAX_PEEKED_SUBJECTS = 10_000;

const peekedSubjects = new BoundedMap<string, true>(MAX_PEEKED_SUBJECTS, 'clear');

/**
 * Whether a charge looks like usage that is reported after the fact and is forgotten now: the limit rejects more than
 * one hit of a subject that was peeked at before, and does not charge what it rejects. Remembers peeks.
 */
export function isForgottenUsage({ subject, limit, hits }: Charge, exceeded: boolean): boolean {
  if (hits === 1 || limit.chargeRejected === true || limit.algorithm === 'concurrency') return false;
  if (hits === 0) peekedSubjects.set(subject, true);
  return hits > 1 && exceeded && peekedSubjects.has(subject);
}
