import type { FieldFault, Invalid } from '../validation/field-fault.ts';
import { quoteFound, withFound } from '../validation/found-value.ts';
import type { CountedLimit } from './limit.ts';
import { type PlanLimit, parsePlanLimit, type UntrustedPlanLimitSpec } from './plan-limit.ts';
import type { HeldLimit } from './superseded-limit.ts';

/** A named set of features and of limits that are decided together. A plan without limits, as earlier
 * versions could store, is unlimited. */
export interface Plan {
  /** The resource name without `plans/`. */
  readonly id: string;
  readonly limits: readonly PlanLimit[];
  readonly features: readonly string[];
  /** Devices of one account. 0 or left out: no bound. */
  readonly maxDevices?: number;
  /** Limits from before edits that hold as well, in any order. Left out: there are none. */
  readonly heldLimits?: readonly HeldLimit[];
}

const MAX_LIMITS = 16;

/**
 * Validates the limits of a plan. Returns the limits, or every fault with its path (`limits[1].window`). Never throws.
 */
export function parsePlanLimits(specs: readonly UntrustedPlanLimitSpec[]): readonly PlanLimit[] | Invalid {
  const faults: FieldFault[] = [];
  const limits: PlanLimit[] = [];
  if (specs.length > MAX_LIMITS) {
    faults.push({ field: 'limits', description: withFound(`must have at most ${MAX_LIMITS} items`, specs.length) });
  }
  for (const [index, spec] of specs.entries()) {
    const limit = parsePlanLimit(spec);
    if ('faults' in limit) {
      faults.push(
        ...limit.faults.map(({ field, description }) => ({ field: `limits[${index}].${field}`, description })),
      );
      continue;
    }
    if (limits.some((other) => other.name === limit.name)) {
      faults.push({
        field: `limits[${index}].name`,
        description: `must be unique: another limit is named ${quoteFound(limit.name)}`,
      });
    }
    const { metadataKey } = limit;
    if (metadataKey !== undefined && limits.some((other) => other.metadataKey === metadataKey)) {
      faults.push({
        field: `limits[${index}].metadata_key`,
        description: `must be unique: another limit has ${quoteFound(metadataKey)}`,
      });
    }
    limits.push(limit);
  }
  return faults.length === 0 ? limits : { faults };
}

/** Reads limits that are stored or were validated, without those that count nothing. Throws if one is invalid. */
export function readCountedLimits(specs: readonly UntrustedPlanLimitSpec[]): readonly (PlanLimit & CountedLimit)[] {
  const limits = parsePlanLimits(specs);
  if ('faults' in limits) throw new Error('limits: must be valid once they are stored');
  return limits.filter((limit) => limit.algorithm !== 'unlimited');
}

/** Validates the limits of an API key or a token, as `parsePlanLimits` does. They cannot be shared by an account. */
export function parseKeyLimits(specs: readonly UntrustedPlanLimitSpec[]): readonly PlanLimit[] | Invalid {
  const limits = parsePlanLimits(specs);
  if ('faults' in limits) return limits;
  const faults = limits.flatMap(({ per }, index) =>
    per === 'account'
      ? {
          field: `limits[${index}].per`,
          description: 'must be key or left out: the limit belongs to one key (got "account")',
        }
      : [],
  );
  return faults.length === 0 ? limits : { faults };
}
