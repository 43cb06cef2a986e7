import { type Fault, type Limit, parseLimit, type WrittenLimit } from './limit.ts';

/** A named set of limits, decided together; no limits: unlimited. */
export interface Plan {
  /** Without the `plans/` of its resource name. */
  readonly id: string;
  readonly limits: readonly Limit[];
}

const DAY_SECONDS = 86_400;
const MOST_LIMITS = 16;

/**
 * The limits of a plan, or every fault with its place (`limits[1].window`). Where the algorithm is left out, a limit
 * of a day or longer is a calendar one: customers count their days from midnight, and such counters outlive Redis.
 */
export function parsePlanLimits(
  written: readonly WrittenLimit[],
): readonly Limit[] | { readonly faults: readonly Fault[] } {
  const faults: Fault[] = [];
  const limits: Limit[] = [];
  if (written.length > MOST_LIMITS) faults.push({ field: 'limits', description: `must be at most ${MOST_LIMITS}` });
  for (const [index, each] of written.entries()) {
    const parsed = parsePlanLimit(each);
    if ('identity' in parsed) {
      if (limits.some((other) => other.name === parsed.name)) {
        faults.push({ field: `limits[${index}].name`, description: `must be unique; "${parsed.name}" is taken` });
      }
      limits.push(parsed);
    } else {
      faults.push(...parsed.map(({ field, description }) => ({ field: `limits[${index}].${field}`, description })));
    }
  }
  return faults.length === 0 ? limits : { faults };
}

function parsePlanLimit(written: WrittenLimit): Limit | readonly Fault[] {
  const limit = parseLimit(written);
  if (written.algorithm !== '' || !('identity' in limit) || limit.windowSeconds < DAY_SECONDS) return limit;
  return parseLimit({ ...written, algorithm: 'calendar' });
}
