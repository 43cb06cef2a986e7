import type { CalendarLimit } from '../limits/limit.ts';
import type { PlanLimit } from '../limits/plan-limit.ts';
import { periodAt } from './calendar-period.ts';
import { toPeriodDefinition } from './counter-spec.ts';

const MICROS_PER_MS = 1000;

/**
 * Finds the end of the current period of a plan, in Unix time in ms: that of its longest calendar limit, the first of
 * several. Without a calendar limit, it is the end of the month in UTC. `now` is Unix time in ms.
 */
export function findPlanPeriodEnd(limits: readonly PlanLimit[], now: number): number {
  let longest: CalendarLimit | undefined;
  for (const limit of limits) {
    if (limit.algorithm !== 'calendar') continue;
    if (longest === undefined || limit.windowSeconds > longest.windowSeconds) longest = limit;
  }
  const period = toPeriodDefinition(longest ?? { unit: 'month' });
  return periodAt(period, now * MICROS_PER_MS).end / MICROS_PER_MS;
}
