import type { Plan } from '../../domain/limits/plan.ts';
import type { PlanLimit } from '../../domain/limits/plan-limit.ts';
import type { VerifiedToken } from '../../domain/tokens/token.ts';
import type { KeyRecord } from '../ports.ts';
import { type Cost, costForKey, costForToken, type Usage } from './credential-charges.ts';

type Credential = KeyRecord | VerifiedToken;

/** What requests on a credential cost. */
interface KnownCosts {
  /** Another object when anything of the plan has changed. */
  readonly plan: Plan | undefined;
  /** Where no limit names the route. */
  readonly elsewhere: CostsOfRoute;
  /** undefined: no limit names a route. */
  readonly byRoute: Map<string, CostsOfRoute> | undefined;
}

/** What requests on a credential cost on one route. */
interface CostsOfRoute {
  readonly once: Cost;
  /** By hits, where a route costs more or less than one. */
  others: Map<number, Cost> | undefined;
}

/** Envoy's configuration has few routes and costs; were they many, each would be worked out anew. */
const MOST_ROUTES = 64;
const MOST_COSTS = 16;

const costs = new WeakMap<Credential, KnownCosts>();

/**
 * What a request on a key or a token costs. It is the same each time, so it is kept by its record; and a counter is found
 * faster by a subject that was looked up before. Only a token with limits of its own may be without a plan.
 */
export function cachedCost(
  credential: Credential,
  plan: Plan | undefined,
  hits: number,
  route: string | undefined,
): Cost {
  let known = costs.get(credential);
  if (known === undefined || known.plan !== plan) {
    const byRoute = limitsOf(credential, plan).some(({ routes }) => routes !== undefined)
      ? new Map<string, CostsOfRoute>()
      : undefined;
    known = { plan, elsewhere: costsOfRoute(credential, plan, undefined), byRoute };
    costs.set(credential, known);
  }
  const ofRoute =
    route === undefined || known.byRoute === undefined
      ? known.elsewhere
      : costsOn(route, credential, known, known.byRoute);
  if (hits === 1) return ofRoute.once;
  ofRoute.others ??= new Map();
  const cost = ofRoute.others.get(hits) ?? costOf(credential, plan, { hits, route });
  if (ofRoute.others.size < MOST_COSTS) ofRoute.others.set(hits, cost);
  return cost;
}

function costsOn(
  route: string,
  credential: Credential,
  { plan, elsewhere }: KnownCosts,
  byRoute: Map<string, CostsOfRoute>,
): CostsOfRoute {
  const known = byRoute.get(route);
  if (known !== undefined) return known;
  const isNamed = limitsOf(credential, plan).some(({ routes }) => routes?.includes(route));
  const found = isNamed ? costsOfRoute(credential, plan, route) : elsewhere;
  if (byRoute.size < MOST_ROUTES) byRoute.set(route, found);
  return found;
}

function costsOfRoute(credential: Credential, plan: Plan | undefined, route: string | undefined): CostsOfRoute {
  return { once: costOf(credential, plan, { hits: 1, route }), others: undefined };
}

function costOf(credential: Credential, plan: Plan | undefined, usage: Usage): Cost {
  if (!('conditions' in credential)) return costForToken(credential, plan, usage);
  if (plan === undefined) throw new Error('a key without a plan would cost nothing');
  return costForKey(credential, plan, usage);
}

function limitsOf(credential: Credential, plan: Plan | undefined): readonly PlanLimit[] {
  const own = 'conditions' in credential ? credential.conditions.limits : credential.limits;
  return [...(plan?.limits ?? []), ...own];
}
