import { withFound } from '../../domain/validation/found-value.ts';
import {
  type ChangePlanRequest,
  ChangePlanRequest_Counters as Counters,
  ChangePlanRequest_Effective as Effective,
} from '../../generated/weir/admin/v1/plan_change.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { readResourceName } from '../fields/resource-names.ts';
import type { HolderCollection } from './plan-holder.ts';

/** A change of the plan of an account or an API key, as a request asks for it. */
export interface WantedPlanChange {
  /** The id of the account or API key. */
  readonly id: string;
  readonly planId: string;
  /** Whether the change waits for the end of the period. Otherwise it is made at once. */
  readonly isAtPeriodEnd: boolean;
  readonly resetsCounters: boolean;
}

/** Reads a request. Throws `invalid` with all of its faults. */
export function readPlanChange(
  collection: HolderCollection,
  { name, plan, effective, counters }: Pick<ChangePlanRequest, 'name' | 'plan' | 'effective' | 'counters'>,
): WantedPlanChange {
  const violations = new FieldViolations();
  const id = readResourceName(violations, collection, 'name', name);
  const planId = readResourceName(violations, 'plans', 'plan', plan);
  checkEnum(violations, 'effective', effective, Effective);
  checkEnum(violations, 'counters', counters, Counters);
  violations.throwIfAny();
  return {
    id,
    planId,
    isAtPeriodEnd: effective === Effective.PERIOD_END,
    resetsCounters: counters === Counters.RESET,
  };
}

/** Adds a violation for a number that the enum does not have: a newer client may know more values. */
function checkEnum(
  violations: FieldViolations,
  field: string,
  value: number,
  values: Readonly<Record<string, number>>,
): void {
  const names = Object.keys(values).filter((name) => name !== 'UNSPECIFIED');
  if (Object.values(values).includes(value)) return;
  violations.add(field, withFound(`must be one of ${names.join(', ')}`, value));
}
