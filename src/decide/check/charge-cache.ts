import { BoundedMap } from '../../collections/bounded-map.ts';
import type { Plan } from '../../domain/limits/plan.ts';
import type { PlanLimit } from '../../domain/limits/plan-limit.ts';
import type { VerifiedToken } from '../../domain/tokens/token.ts';
import type { NamedCharge } from '../named-charge.ts';
import type { KeyRecord } from '../ports.ts';
import { chargesForKey, chargesForToken } from './credential-charges.ts';

type CredentialRecord = KeyRecord | VerifiedToken;

/** Charges for the requests of one credential. */
interface CredentialCharges {
  /** The plan that they were made for. A changed plan is another object. */
  readonly plan: Plan | undefined;
  /** For requests on a route that no limit names. */
  readonly onOtherRoutes: RouteCharges;
  /** undefined: no limit names a route. */
  readonly byRoute: BoundedMap<string, RouteCharges> | undefined;
}

/** Charges for the requests of one credential on one route. */
interface RouteCharges {
  readonly forOneHit: readonly NamedCharge[];
  /** For requests that cost more or less than one hit, by the number of hits. */
  byHits: BoundedMap<number, readonly NamedCharge[]> | undefined;
}

// Envoy's configuration has few routes and costs. Beyond these numbers, charges are made again for each request.
const MAX_ROUTES = 64;
const MAX_COSTS = 16;

const cache = new WeakMap<CredentialRecord, CredentialCharges>();

/**
 * Returns the charges for a request on a key or a token. They are the same objects each time, cached by the record of
 * the credential, so the store finds their counters faster. Only a token with limits of its own may have no plan.
 */
export function cachedCharges(
  credential: CredentialRecord,
  plan: Plan | undefined,
  hits: number,
  route: string | undefined,
): readonly NamedCharge[] {
  let cached = cache.get(credential);
  if (cached === undefined || cached.plan !== plan) {
    cached = createCredentialCharges(credential, plan);
    cache.set(credential, cached);
  }
  const routeCharges =
    route === undefined || cached.byRoute === undefined
      ? cached.onOtherRoutes
      : cachedRouteCharges(route, credential, cached, cached.byRoute);
  if (hits === 1) return routeCharges.forOneHit;
  routeCharges.byHits ??= new BoundedMap(MAX_COSTS, 'keep');
  const cachedForHits = routeCharges.byHits.get(hits);
  if (cachedForHits !== undefined) return cachedForHits;
  const charges = createCharges(credential, plan, hits, route);
  routeCharges.byHits.set(hits, charges);
  return charges;
}

function createCredentialCharges(credential: CredentialRecord, plan: Plan | undefined): CredentialCharges {
  const byRoute = allLimits(credential, plan).some(({ routes }) => routes !== undefined)
    ? new BoundedMap<string, RouteCharges>(MAX_ROUTES, 'keep')
    : undefined;
  return { plan, onOtherRoutes: createRouteCharges(credential, plan, undefined), byRoute };
}

function cachedRouteCharges(
  route: string,
  credential: CredentialRecord,
  { plan, onOtherRoutes }: CredentialCharges,
  byRoute: BoundedMap<string, RouteCharges>,
): RouteCharges {
  const cached = byRoute.get(route);
  if (cached !== undefined) return cached;
  const isNamed = allLimits(credential, plan).some(({ routes }) => routes?.includes(route));
  const charges = isNamed ? createRouteCharges(credential, plan, route) : onOtherRoutes;
  byRoute.set(route, charges);
  return charges;
}

function createRouteCharges(
  credential: CredentialRecord,
  plan: Plan | undefined,
  route: string | undefined,
): RouteCharges {
  return { forOneHit: createCharges(credential, plan, 1, route), byHits: undefined };
}

function createCharges(
  credential: CredentialRecord,
  plan: Plan | undefined,
  hits: number,
  route: string | undefined,
): readonly NamedCharge[] {
  if (!isKey(credential)) return chargesForToken(credential, plan, hits, route);
  if (plan === undefined) throw new Error('a key without a plan would be charged nothing');
  return chargesForKey(credential, plan, hits, route);
}

function allLimits(credential: CredentialRecord, plan: Plan | undefined): readonly PlanLimit[] {
  const ownLimits = isKey(credential) ? credential.policy.limits : credential.limits;
  return [...(plan?.limits ?? []), ...ownLimits];
}

function isKey(credential: CredentialRecord): credential is KeyRecord {
  return 'policy' in credential;
}
