import type { Fault } from './limit-spec.ts';
import { type PlanLimit, parsePlanLimit, type UntrustedPlanLimitSpec } from './plan-limit.ts';

/** A named set of limits, decided together, and of features; no limits: unlimited. */
export interface Plan {
  /** Without the `plans/` of its resource name. */
  readonly id: string;
  readonly limits: readonly PlanLimit[];
  readonly features: readonly string[];
}

const MOST_LIMITS = 16;

/** The limits of a plan, or every fault with its place (`limits[1].window`). Never throws. */
export function parsePlanLimits(
  written: readonly UntrustedPlanLimitSpec[],
): readonly PlanLimit[] | { readonly faults: readonly Fault[] } {
  const faults: Fault[] = [];
  const limits: PlanLimit[] = [];
  if (written.length > MOST_LIMITS) faults.push({ field: 'limits', description: `must be at most ${MOST_LIMITS}` });
  for (const [index, each] of written.entries()) {
    const limit = parsePlanLimit(each);
    if ('faults' in limit) {
      faults.push(
        ...limit.faults.map(({ field, description }) => ({ field: `limits[${index}].${field}`, description })),
      );
      continue;
    }
    if (limits.some((other) => other.name === limit.name)) {
      faults.push({ field: `limits[${index}].name`, description: `must be unique; "${limit.name}" is taken` });
    }
    limits.push(limit);
  }
  return faults.length === 0 ? limits : { faults };
}

/** The limits that a key has of its own, likewise. */
export function parseKeyLimits(written: readonly UntrustedPlanLimitSpec[]): ReturnType<typeof parsePlanLimits> {
  const limits = parsePlanLimits(written);
  if ('faults' in limits) return limits;
  const faults = limits.flatMap(({ per }, index) =>
    per === 'account'
      ? { field: `limits[${index}].per`, description: 'must be key or left out: this is one key’s' }
      : [],
  );
  return faults.length === 0 ? limits : { faults };
}
