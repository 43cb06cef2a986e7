import { subjectOf } from '../core/counter-key.ts';
import type { Plan } from '../core/plan.ts';
import type { AccountRecord, Charge, KeyRecord } from './ports.ts';

/**
 * What one request on an API key is charged: every limit of its plan, counted for the key. Check and the RLS domain
 * `plans` both charge this, so a key has one budget whichever filter asks.
 */
export function chargesOfKey(key: KeyRecord, plan: Plan, hits: number): readonly Charge[] {
  return chargesOf(subjectOf('key', key.counterId), plan, hits);
}

/** What one request on an account is charged: every limit of its plan, counted for the account. */
export function chargesOfAccount(account: AccountRecord, plan: Plan, hits: number): readonly Charge[] {
  return chargesOf(subjectOf('account', account.id), plan, hits);
}

function chargesOf(subject: string, plan: Plan, hits: number): readonly Charge[] {
  return plan.limits.flatMap((limit) => (limit.algorithm === 'unlimited' ? [] : { subject, limit, hits }));
}

export function planLimitLabel(planId: string, limitName: string): string {
  return `plans/${planId}/${limitName}`;
}
