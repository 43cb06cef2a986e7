import { parseFeatures } from '../core/features.ts';
import { parseKeyLimits, parsePlanLimits } from '../core/plan.ts';
import { type UntrustedPlanLimit, type WrittenPlanLimit, writePlanLimit } from '../core/plan-limit.ts';
import { Limit } from '../generated/weir/admin/v1/limit.ts';
import type { Faults } from './request.ts';

/**
 * Limits in the one form that they are stored in, with nothing left to a default that a later version may change.
 * `resource` is the field that they stand in.
 */
export function readLimits(
  faults: Faults,
  resource: 'plan' | 'api_key',
  written: readonly UntrustedPlanLimit[],
): readonly WrittenPlanLimit[] {
  const parsed = resource === 'plan' ? parsePlanLimits(written) : parseKeyLimits(written);
  if (!('faults' in parsed)) return parsed.map(writePlanLimit);
  for (const { field, description } of parsed.faults) faults.add(`${resource}.${field}`, description);
  return [];
}

/** Features as they are stored. `resource`: as of `readLimits`. */
export function readFeatures(faults: Faults, resource: string, written: readonly string[]): readonly string[] {
  const parsed = parseFeatures(written);
  if (!('faults' in parsed)) return parsed;
  for (const { field, description } of parsed.faults) faults.add(`${resource}.${field}`, description);
  return [];
}

export function limitMessages(limits: readonly WrittenPlanLimit[]): Limit[] {
  return limits.map(({ routes = [], ...limit }) => Limit.fromPartial({ ...limit, routes: [...routes] }));
}
