import { parseFeatures } from '../../domain/credentials/features.ts';
import { type Plan, parsePlanLimits } from '../../domain/limits/plan.ts';
import { findHeldLimits, type HeldLimit } from '../../domain/limits/superseded-limit.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { PlanRow } from '../feed/catalog-rows.ts';

/** The plans of the catalog. */
export class PlanTable {
  readonly #plans = new Map<string, Plan>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Superseded limits that no longer hold are left out, so the plan is another object once one has ended. */
  find(id: string): Plan | undefined {
    const plan = this.#plans.get(id);
    return plan?.heldLimits === undefined ? plan : this.#dropEndedLimits(plan, plan.heldLimits);
  }

  get size(): number {
    return this.#plans.size;
  }

  values(): Iterable<Plan> {
    return this.#plans.values();
  }

  /** Returns whether the plan can be read. null: it is deleted. */
  apply(id: string, row: PlanRow | null): boolean {
    if (row === null) {
      this.#plans.delete(id);
      return true;
    }
    const limits = parsePlanLimits(row.limits);
    const features = parseFeatures(row.features);
    if (!('faults' in limits) && !('faults' in features)) {
      const heldLimits = findHeldLimits(row.supersededLimits, limits, Date.now());
      const plan = { id, limits, features, maxDevices: row.maxDevices };
      this.#plans.set(id, heldLimits.length === 0 ? plan : { ...plan, heldLimits });
      return true;
    }
    const faults = [limits, features].flatMap((parsed) => ('faults' in parsed ? parsed.faults : []));
    // For instance, a later version has written the plan. Its last known version is closer to the truth than no limits,
    // or than no plan.
    this.#log.error({ plan: id, faults }, 'could not read a plan; its last known version stays in force');
    return false;
  }

  #dropEndedLimits(plan: Plan, heldLimits: readonly HeldLimit[]): Plan {
    const now = Date.now();
    // Every decision comes here while limits hold, so it builds no list before one has ended.
    if (heldLimits.every(({ holdsUntil }) => now < holdsUntil)) return plan;
    const { heldLimits: _, ...current } = plan;
    const held = heldLimits.filter(({ holdsUntil }) => now < holdsUntil);
    const next = held.length === 0 ? current : { ...current, heldLimits: held };
    this.#plans.set(plan.id, next);
    return next;
  }
}
