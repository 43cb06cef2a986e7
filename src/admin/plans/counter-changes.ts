import { parsePlanLimits } from '../../domain/limits/plan.ts';
import type { PlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { findHeldLimits, identifyCounter, type SupersededLimitSpec } from '../../domain/limits/superseded-limit.ts';

/**
 * Describes the limits of an edited plan whose counters start empty. A counter continues if name, algorithm, window (of
 * a calendar also time zone and anchor day) and `per` are the same. Otherwise, the limit from before the edit holds as
 * well until its hits have ended, if it has the same name. `superseded`: those that the plan now has. `now` is Unix time
 * in ms.
 */
export function describeCounterChanges(
  before: readonly PlanLimitSpec[],
  after: readonly PlanLimitSpec[],
  superseded: readonly SupersededLimitSpec[],
  now: number,
): readonly string[] {
  const continued = new Set(before.flatMap(identifyCounter));
  const removed = before.filter(({ name }) => !after.some((limit) => limit.name === name)).map(({ name }) => name);
  const limits = parsePlanLimits(after);
  if ('faults' in limits) throw new Error('an edited plan has limits that were not validated');
  const held = findHeldLimits(superseded, limits, now);
  return after
    .filter((limit) => identifyCounter(limit).some((counter) => !continued.has(counter)))
    .flatMap(({ name }) => {
      const ends = held.flatMap(({ limit, holdsUntil }) => (limit.name === name ? holdsUntil : []));
      if (ends.length > 0) {
        const end = new Date(Math.max(...ends)).toISOString();
        return `limit "${name}": its window, algorithm or owner has changed; the previous limit holds as well until ${end}`;
      }
      if (before.some((limit) => limit.name === name)) {
        return `limit "${name}": its window, algorithm or owner has changed, so its counters start empty`;
      }
      if (removed.length === 0) return [];
      const names = removed.map((removedName) => `"${removedName}"`).join(', ');
      return `limit "${name}": its counters start empty; usage of the removed ${names} does not count for it`;
    });
}
