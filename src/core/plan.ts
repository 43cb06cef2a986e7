import type { Limit } from './limit.ts';
import { parseLimit } from './parse-limit.ts';
import { type Fault, parseWindow, type UntrustedLimit } from './written-limit.ts';

/** A named set of limits, decided together, and of features; no limits: unlimited. */
export interface Plan {
  /** Without the `plans/` of its resource name. */
  readonly id: string;
  readonly limits: readonly Limit[];
  readonly features: readonly string[];
}

const DAY_SECONDS = 86_400;
const MOST_LIMITS = 16;

/**
 * The limits of a plan, or every fault with its place (`limits[1].window`). Where the algorithm is left out, a limit
 * of a day or longer is a calendar one: customers count their days from midnight, and such counters outlive Redis.
 */
export function parsePlanLimits(
  written: readonly UntrustedLimit[],
): readonly Limit[] | { readonly faults: readonly Fault[] } {
  const faults: Fault[] = [];
  const limits: Limit[] = [];
  if (written.length > MOST_LIMITS) faults.push({ field: 'limits', description: `must be at most ${MOST_LIMITS}` });
  for (const [index, each] of written.entries()) {
    const limit = parseLimit(withDefault(each));
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

function withDefault(written: UntrustedLimit): UntrustedLimit {
  if (written.algorithm !== undefined && written.algorithm !== '') return written;
  const seconds = parseWindow(written.window)?.seconds ?? 0;
  return seconds < DAY_SECONDS ? written : { ...written, algorithm: 'calendar' };
}
