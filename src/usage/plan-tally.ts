import type { UsageOutcome } from '../domain/usage/usage-row.ts';

/** Requests of one plan since the start, by outcome. */
export type PlanCounts = Record<UsageOutcome, number>;

/** Plans that are counted by name. An operator has few. */
const MAX_PLANS = 200;
const OTHER_PLANS = 'other plans';

/** Counts requests by plan and outcome. Plans beyond a bound are counted together. */
export class PlanTally {
  readonly #counts = new Map<string, PlanCounts>();

  /** Returns the counts of a plan, to be added to. The empty name stands for requests without a plan. */
  of(plan: string): PlanCounts {
    const known = this.#counts.get(plan);
    if (known !== undefined) return known;
    if (this.#counts.size >= MAX_PLANS && plan !== OTHER_PLANS) return this.of(OTHER_PLANS);
    const counts = { allowed: 0, rateLimited: 0, quotaExceeded: 0, denied: 0 };
    this.#counts.set(plan, counts);
    return counts;
  }

  entries(): Iterable<readonly [plan: string, counts: PlanCounts]> {
    return this.#counts;
  }
}
