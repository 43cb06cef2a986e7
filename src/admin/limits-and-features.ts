import { parseFeatures } from '../core/features.ts';
import { parsePlanLimits } from '../core/plan.ts';
import { type UntrustedLimit, type WrittenLimit, writeLimit } from '../core/written-limit.ts';
import { Limit } from '../generated/weir/admin/v1/limit.ts';
import type { Faults } from './request.ts';

/**
 * Limits in the one form that they are stored in, with nothing left to a default that a later version may change.
 * `resource` is the field that they stand in, such as `plan`.
 */
export function readLimits(
  faults: Faults,
  resource: string,
  written: readonly UntrustedLimit[],
): readonly WrittenLimit[] {
  const parsed = parsePlanLimits(written);
  if (!('faults' in parsed)) return parsed.map(writeLimit);
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

export function limitMessages(limits: readonly WrittenLimit[]): Limit[] {
  return limits.map((limit) => Limit.fromPartial(limit));
}
