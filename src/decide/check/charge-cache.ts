import { BoundedMap } from '../../collections/bounded-map.ts';
import type { Plan } from '../../domain/limits/plan.ts';
import type { PlanLimit } from '../../domain/limits/plan-limit.ts';
import type { HeldLimit, SupersededLimitSpec } from '../../domain/limits/superseded-limit.ts';
import type { VerifiedToken } from '../../domain/tokens/token.ts';
import type { NamedCharge } from '../named-charge.ts';
import type { KeyRecord } from '../ports.ts';
import { type CheckCharges, withoutSlots } from './check-charges.ts';
import { type ChargedRequest, chargesForKey, chargesForToken } from './credential-charges.ts';
import { cachedHeldLimits, NONE_HELD } from './held-limits.ts';

type CredentialRecord = KeyRecord | VerifiedToken;

/** A credential, and the limits that its requests are charged. */
export interface ChargedCredential {
  readonly credential: CredentialRecord;
  readonly plan: Plan | undefined;
  /** Limits of former plans that may hold alongside those of the plan. undefined: there are none. */
  readonly supersededPlanLimits: readonly SupersededLimitSpec[] | undefined;
}

/** Charges for the requests of one credential. */
interface CredentialCharges {
  /** The plan that they were made for. A changed plan is another object. */
  readonly plan: Plan | undefined;
  /** The limits from before the plan, and from before an edit of the credential. Both lists change when one ends. */
  readonly heldPlanLimits: readonly HeldLimit[];
  readonly heldLimits: readonly HeldLimit[];
  /** For requests on a route that no limit names. */
  readonly onOtherRoutes: RouteCharges;
  /** undefined: no limit names a route. */
  readonly byRoute: BoundedMap<string, RouteCharges> | undefined;
}

/** Charges for the requests of one credential on one route. */
interface RouteCharges {
  readonly forOneHit: CheckCharges;
  /** For requests that cost more or less than one hit, by the number of hits. */
  byHits: BoundedMap<number, CheckCharges> | undefined;
}

// Envoy's configuration has few routes and costs. Beyond these numbers, charges are made again for each request.
const MAX_ROUTES = 64;
const MAX_COSTS = 16;

const NO_LIMITS: readonly PlanLimit[] = [];

const cache = new WeakMap<CredentialRecord, CredentialCharges>();

/**
 * Returns the charges for a request on a key or a token. They are the same objects each time, cached by the record of
 * the credential, so the store finds their counters faster. Only a token with limits of its own may have no plan. `now`
 * is Unix time in ms.
 */
export function cachedCharges(
  charged: ChargedCredential,
  hits: number,
  route: string | undefined,
  now: number,
): CheckCharges {
  const { credential, plan, supersededPlanLimits } = charged;
  const heldPlanLimits = cachedHeldLimits(supersededPlanLimits, plan?.limits ?? NO_LIMITS, now);
  const heldLimits = isKey(credential)
    ? cachedHeldLimits(credential.policy.supersededLimits, credential.policy.limits, now)
    : NONE_HELD;
  let cached = cache.get(credential);
  if (
    cached === undefined ||
    cached.plan !== plan ||
    cached.heldPlanLimits !== heldPlanLimits ||
    cached.heldLimits !== heldLimits
  ) {
    cached = { plan, heldPlanLimits, heldLimits, ...createCredentialCharges(charged, now) };
    cache.set(credential, cached);
  }
  const routeCharges =
    route === undefined || cached.byRoute === undefined
      ? cached.onOtherRoutes
      : cachedRouteCharges(route, charged, cached.onOtherRoutes, cached.byRoute, now);
  if (hits === 1) return routeCharges.forOneHit;
  routeCharges.byHits ??= new BoundedMap(MAX_COSTS, 'keep');
  const cachedForHits = routeCharges.byHits.get(hits);
  if (cachedForHits !== undefined) return cachedForHits;
  const charges = withoutSlots(createCharges(charged, { hits, route, now }));
  routeCharges.byHits.set(hits, charges);
  return charges;
}

function createCredentialCharges(
  charged: ChargedCredential,
  now: number,
): Pick<CredentialCharges, 'onOtherRoutes' | 'byRoute'> {
  const byRoute = allLimits(charged).some(({ routes }) => routes !== undefined)
    ? new BoundedMap<string, RouteCharges>(MAX_ROUTES, 'keep')
    : undefined;
  return { onOtherRoutes: createRouteCharges(charged, undefined, now), byRoute };
}

function cachedRouteCharges(
  route: string,
  charged: ChargedCredential,
  onOtherRoutes: RouteCharges,
  byRoute: BoundedMap<string, RouteCharges>,
  now: number,
): RouteCharges {
  const cached = byRoute.get(route);
  if (cached !== undefined) return cached;
  const isNamed = allLimits(charged).some(({ routes }) => routes?.includes(route));
  const charges = isNamed ? createRouteCharges(charged, route, now) : onOtherRoutes;
  byRoute.set(route, charges);
  return charges;
}

function createRouteCharges(charged: ChargedCredential, route: string | undefined, now: number): RouteCharges {
  return { forOneHit: withoutSlots(createCharges(charged, { hits: 1, route, now })), byHits: undefined };
}

function createCharges(
  { credential, plan, supersededPlanLimits }: ChargedCredential,
  request: ChargedRequest,
): readonly NamedCharge[] {
  if (!isKey(credential)) return chargesForToken(credential, plan, supersededPlanLimits, request);
  if (plan === undefined) throw new Error('a key without a plan would be charged nothing');
  return chargesForKey(credential, plan, request);
}

function allLimits({ credential, plan }: ChargedCredential): readonly PlanLimit[] {
  const ownLimits = isKey(credential) ? credential.policy.limits : credential.limits;
  return [...(plan?.limits ?? []), ...ownLimits];
}

function isKey(credential: CredentialRecord): credential is KeyRecord {
  return 'policy' in credential;
}
