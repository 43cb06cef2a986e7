import type { Plan } from '../core/plan.ts';
import { type Cost, costOfKey } from './plan-charges.ts';
import type { KeyRecord } from './ports.ts';

/** What requests on a key cost. */
interface KnownCosts {
  /** Another object when anything of the plan has changed. */
  readonly plan: Plan;
  /** Where no limit names the route. */
  readonly elsewhere: CostsOfRoute;
  /** undefined: no limit names a route. */
  readonly byRoute: Map<string, CostsOfRoute> | undefined;
}

/** What requests on a key cost on one route. */
interface CostsOfRoute {
  readonly once: Cost;
  /** By hits, where a route costs more or less than one. */
  others: Map<number, Cost> | undefined;
}

/** Envoy's configuration has few routes and costs; were they many, each would be worked out anew. */
const MOST_ROUTES = 64;
const MOST_COSTS = 16;

const costs = new WeakMap<KeyRecord, KnownCosts>();

/**
 * What a request on a key costs. It is the same each time, so it is kept by the key's record; and a counter is found
 * faster by a subject that was looked up before.
 */
export function knownCostOf(key: KeyRecord, plan: Plan, hits: number, route: string | undefined): Cost {
  let known = costs.get(key);
  if (known?.plan !== plan) {
    const byRoute = namesRoutes(key, plan) ? new Map<string, CostsOfRoute>() : undefined;
    known = { plan, elsewhere: costsOfRoute(key, plan, undefined), byRoute };
    costs.set(key, known);
  }
  const ofRoute =
    route === undefined || known.byRoute === undefined ? known.elsewhere : costsOn(route, key, known, known.byRoute);
  if (hits === 1) return ofRoute.once;
  ofRoute.others ??= new Map();
  const cost = ofRoute.others.get(hits) ?? costOfKey(key, plan, { hits, route });
  if (ofRoute.others.size < MOST_COSTS) ofRoute.others.set(hits, cost);
  return cost;
}

function costsOn(
  route: string,
  key: KeyRecord,
  { plan, elsewhere }: KnownCosts,
  byRoute: Map<string, CostsOfRoute>,
): CostsOfRoute {
  const known = byRoute.get(route);
  if (known !== undefined) return known;
  const isNamed = [...plan.limits, ...key.conditions.limits].some(({ routes }) => routes?.includes(route));
  const found = isNamed ? costsOfRoute(key, plan, route) : elsewhere;
  if (byRoute.size < MOST_ROUTES) byRoute.set(route, found);
  return found;
}

function costsOfRoute(key: KeyRecord, plan: Plan, route: string | undefined): CostsOfRoute {
  return { once: costOfKey(key, plan, { hits: 1, route }), others: undefined };
}

function namesRoutes({ conditions }: KeyRecord, plan: Plan): boolean {
  return [...plan.limits, ...conditions.limits].some(({ routes }) => routes !== undefined);
}
