import { subjectOf } from '../core/counter-key.ts';
import type { Limit } from '../core/limit.ts';
import type { Plan } from '../core/plan.ts';
import type { AccountRecord, Charge, KeyRecord } from './ports.ts';

/** What a request is charged, and what each charge's limit is called, in the same order. */
export interface Cost {
  readonly charges: readonly Charge[];
  readonly labels: readonly string[];
}

/**
 * What one request on an API key is charged: every limit of its plan and every one of its own, counted for the key.
 * Check and the RLS domain `plans` both charge this, so a key has one budget whichever filter asks. The key's own are
 * another subject: they may have the names and windows of the plan's.
 */
export function costOfKey(key: KeyRecord, plan: Plan, hits: number): Cost {
  const ofPlan = costOf(`plans/${plan.id}`, subjectOf('key', key.counterId), plan.limits, hits);
  const { limits } = key.conditions;
  if (limits.length === 0) return ofPlan;
  const own = costOf(`apiKeys/${key.id}`, subjectOf('key', key.counterId, 'own'), limits, hits);
  return { charges: [...ofPlan.charges, ...own.charges], labels: [...ofPlan.labels, ...own.labels] };
}

/** What one request on an account is charged: every limit of its plan, counted for the account. */
export function costOfAccount(account: AccountRecord, plan: Plan, hits: number): Cost {
  return costOf(`plans/${plan.id}`, subjectOf('account', account.id), plan.limits, hits);
}

function costOf(owner: string, subject: string, limits: readonly Limit[], hits: number): Cost {
  const charges = limits.flatMap((limit) => (limit.algorithm === 'unlimited' ? [] : { subject, limit, hits }));
  return { charges, labels: charges.map(({ limit }) => `${owner}/${limit.name}`) };
}
