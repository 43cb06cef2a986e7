import type { ExistingReferences } from '../../database/statements/api-key-rows.ts';
import type { FieldFault } from '../../domain/validation/field-fault.ts';
import { describeUnknownPlan } from '../fields/unknown-plan.ts';
import type { ApiKeyValues } from './api-key-fields.ts';

type References = Pick<ApiKeyValues, 'accountId' | 'planId'>;

/** The accounts and plans that keys refer to. */
export function referencedIds(keys: readonly References[]) {
  return {
    accountIds: keys.map(({ accountId }) => accountId),
    planIds: keys.map(({ planId }) => planId).filter((id) => id !== null),
  };
}

/** Finds the references of a key that lead nowhere. */
export function findMissingReferences(
  { accountId, planId }: References,
  { accountIds, planIds }: ExistingReferences,
): readonly FieldFault[] {
  const faults: FieldFault[] = [];
  if (!accountIds.has(accountId)) {
    faults.push({ field: 'account', description: `must be an existing account (got "accounts/${accountId}")` });
  }
  if (planId !== null && !planIds.has(planId)) {
    faults.push({ field: 'plan', description: describeUnknownPlan(planId) });
  }
  return faults;
}
