import { parseFeatures } from '../../domain/credentials/features.ts';
import { parseKeyLimits, parsePlanLimits } from '../../domain/limits/plan.ts';
import { type PlanLimitSpec, toPlanLimitSpec, type UntrustedPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { Limit } from '../../generated/weir/admin/v1/limit.ts';
import type { FieldViolations } from './field-violations.ts';

type Resource = 'plan' | 'api_key' | 'token';

/**
 * Limits in the one form that they are stored in, with nothing left to a default that a later version may change.
 * `resource` is the field that they stand in; a token's stand in the request itself.
 */
export function readLimits(
  faults: FieldViolations,
  resource: Resource,
  written: readonly UntrustedPlanLimitSpec[],
): readonly PlanLimitSpec[] {
  const parsed = resource === 'plan' ? parsePlanLimits(written) : parseKeyLimits(written);
  if (!('faults' in parsed)) return parsed.map(toPlanLimitSpec);
  for (const { field, description } of parsed.faults) faults.add(placeIn(resource, field), description);
  return [];
}

/** Features as they are stored. `resource`: as of `readLimits`. */
export function readFeatures(
  faults: FieldViolations,
  resource: Resource,
  written: readonly string[],
): readonly string[] {
  const parsed = parseFeatures(written);
  if (!('faults' in parsed)) return parsed;
  for (const { field, description } of parsed.faults) faults.add(placeIn(resource, field), description);
  return [];
}

function placeIn(resource: Resource, field: string): string {
  return resource === 'token' ? field : `${resource}.${field}`;
}

export function toLimitMessages(limits: readonly PlanLimitSpec[]): Limit[] {
  return limits.map(({ routes = [], ...limit }) => Limit.fromPartial({ ...limit, routes: [...routes] }));
}
