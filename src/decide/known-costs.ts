import type { Plan } from '../core/plan.ts';
import { type Cost, costOfKey } from './plan-charges.ts';
import type { KeyRecord } from './ports.ts';

/** What requests on a key cost. */
interface KnownCosts {
  /** Another object when anything of the plan has changed. */
  readonly plan: Plan;
  readonly once: Cost;
  /** By hits, where a route costs more or less than one. */
  others: Map<number, Cost> | undefined;
}

/** Routes have few costs; were they many, each would be worked out anew. */
const MOST_COSTS = 16;

const costs = new WeakMap<KeyRecord, KnownCosts>();

/**
 * What a request on a key costs. It is the same each time, so it is kept by the key's record; and a counter is found
 * faster by a subject that was looked up before.
 */
export function knownCostOf(key: KeyRecord, plan: Plan, hits: number): Cost {
  let known = costs.get(key);
  if (known?.plan !== plan) {
    known = { plan, once: costOfKey(key, plan, 1), others: undefined };
    costs.set(key, known);
  }
  if (hits === 1) return known.once;
  known.others ??= new Map();
  const cost = known.others.get(hits) ?? costOfKey(key, plan, hits);
  if (known.others.size < MOST_COSTS) known.others.set(hits, cost);
  return cost;
}
