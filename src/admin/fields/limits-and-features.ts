import { parseFeatures } from '../../domain/credentials/features.ts';
import { parseKeyLimits, parsePlanLimits } from '../../domain/limits/plan.ts';
import { type PlanLimitSpec, toPlanLimitSpec, type UntrustedPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { Limit } from '../../generated/weir/admin/v1/limit.ts';
import type { FieldViolations } from './field-violations.ts';

/**
 * The owner of limits and features, by the name of its field in requests. Those of a token are fields of the request.
 */
type Owner = 'plan' | 'api_key' | 'token';

const FIELD_PREFIXES: Readonly<Record<Owner, string>> = { plan: 'plan.', api_key: 'api_key.', token: '' };

/**
 * The limits in the form in which they are stored. Defaults are filled in, so that a later version with other defaults
 * does not change stored limits. Adds violations and returns no limits if one of them is invalid.
 */
export function readLimits(
  violations: FieldViolations,
  owner: Owner,
  limits: readonly UntrustedPlanLimitSpec[],
): readonly PlanLimitSpec[] {
  const parsed = owner === 'plan' ? parsePlanLimits(limits) : parseKeyLimits(limits);
  if (!('faults' in parsed)) return parsed.map(toPlanLimitSpec);
  violations.addAll(FIELD_PREFIXES[owner], parsed.faults);
  return [];
}

/** The features in the form in which they are stored. Adds violations and returns none if one of them is invalid. */
export function readFeatures(
  violations: FieldViolations,
  owner: Owner,
  features: readonly string[],
): readonly string[] {
  const parsed = parseFeatures(features);
  if (!('faults' in parsed)) return parsed;
  violations.addAll(FIELD_PREFIXES[owner], parsed.faults);
  return [];
}

export function toLimitMessage({ routes = [], notifyAt = [], ...limit }: PlanLimitSpec): Limit {
  return Limit.fromPartial({ ...limit, routes: [...routes], notifyAt: [...notifyAt] });
}
