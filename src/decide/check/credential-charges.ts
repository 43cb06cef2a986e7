import type { AccountRecord } from '../../domain/account-state.ts';
import { formatSubject } from '../../domain/counting/counter-subject.ts';
import type { Plan } from '../../domain/limits/plan.ts';
import type { PlanLimit } from '../../domain/limits/plan-limit.ts';
import type { HeldLimit, SupersededLimitSpec } from '../../domain/limits/superseded-limit.ts';
import type { VerifiedToken } from '../../domain/tokens/token.ts';
import type { NamedCharge } from '../named-charge.ts';
import type { KeyRecord } from '../ports.ts';
import { cachedHeldLimits } from './held-limits.ts';

export const NO_CHARGES: readonly NamedCharge[] = [];

/** Stands for a request on all routes at once, which every limit counts. */
export const ALL_ROUTES = Symbol('all routes');

/** The route of a request, as limits name it. undefined: no limit names the route. */
export type ChargedRoute = string | undefined | typeof ALL_ROUTES;

/** A request, as far as its charges depend on it. */
export interface ChargedRequest {
  readonly hits: number;
  readonly route: ChargedRoute;
  /** Unix time in ms. Limits from before an edit hold for a time. */
  readonly now: number;
}

/** The subjects that limits count. */
interface Subjects {
  /** The owner of the limits has this one for itself. */
  readonly own: string;
  /** Limits per account count this one. */
  readonly shared: string;
}

/**
 * Returns the charges for a request on an API key: every limit of its plan, and every limit of its own, that counts the
 * route. Limits of the plan count the key, or its account if the keys share them. Check and the rate limit domain
 * `plans` both charge this, so a key has one budget for both filters. The key's own limits have a subject of their own,
 * because they may have the same names and windows as the plan's.
 */
export function chargesForKey(key: KeyRecord, plan: Plan, request: ChargedRequest): readonly NamedCharge[] {
  const planCharges = chargesForPlan(plan, key.supersededPlanLimits, subjectsOfKey(key), request);
  const { limits, supersededLimits } = key.policy;
  if (limits.length === 0) return planCharges;
  const own = formatSubject('key', key.counterId, 'own');
  const subjects = { own, shared: own };
  const owner = `apiKeys/${key.id}`;
  const held = cachedHeldLimits(supersededLimits, limits, request.now);
  const ownCharges = chargesForLimits(owner, limits, subjects, request);
  return [...planCharges, ...ownCharges, ...chargesForHeld(owner, held, subjects, request, ownCharges)];
}

/**
 * Returns the charges for a request on an account: every limit of its plan that counts the route. Limits that the
 * account's keys share have the same counters here.
 */
export function chargesForAccount(
  { id, supersededPlanLimits }: Pick<AccountRecord, 'id' | 'supersededPlanLimits'>,
  plan: Plan,
  request: ChargedRequest,
): readonly NamedCharge[] {
  return chargesForPlan(plan, supersededPlanLimits, subjectsOfAccount(id), request);
}

/**
 * Returns the charges for a request on a token: those of its account, and the token's own limits, which count it alone.
 * `supersededPlanLimits`: those of the account if the plan is the account's.
 */
export function chargesForToken(
  token: VerifiedToken,
  plan: Plan | undefined,
  supersededPlanLimits: readonly SupersededLimitSpec[] | undefined,
  request: ChargedRequest,
): readonly NamedCharge[] {
  const account = { id: token.accountId, supersededPlanLimits };
  const planCharges = plan === undefined ? NO_CHARGES : chargesForAccount(account, plan, request);
  if (token.limits.length === 0) return planCharges;
  const id = token.tokenId ?? '';
  const own = formatSubject('token', token.issuerId ?? '', id);
  return [...planCharges, ...chargesForLimits(`tokens/${id}`, token.limits, { own, shared: own }, request)];
}

/** Returns the charges of limits that are not those of a plan of the catalog, but count a key as a plan would. */
export function chargesOnKey(
  key: KeyRecord,
  limits: readonly PlanLimit[],
  request: ChargedRequest,
): readonly NamedCharge[] {
  return chargesForLimits(`plans/${key.planId}`, limits, subjectsOfKey(key), request);
}

/** Returns the charges of limits that are not those of a plan of the catalog, but count an account as a plan would. */
export function chargesOnAccount(
  { id, planId }: AccountRecord,
  limits: readonly PlanLimit[],
  request: ChargedRequest,
): readonly NamedCharge[] {
  return chargesForLimits(`plans/${planId}`, limits, subjectsOfAccount(id), request);
}

function subjectsOfKey({ counterId, accountId }: KeyRecord): Subjects {
  return { own: formatSubject('key', counterId), shared: formatSubject('account', accountId) };
}

function subjectsOfAccount(id: string): Subjects {
  const subject = formatSubject('account', id);
  return { own: subject, shared: subject };
}

/**
 * The charges for the limits of a plan, and for those from before an edit of the plan, or from former plans, that hold as
 * well.
 */
function chargesForPlan(
  { id, limits, heldLimits }: Plan,
  superseded: readonly SupersededLimitSpec[] | undefined,
  subjects: Subjects,
  request: ChargedRequest,
): readonly NamedCharge[] {
  const owner = `plans/${id}`;
  const charges = chargesForLimits(owner, limits, subjects, request);
  if (heldLimits === undefined && superseded === undefined) return charges;
  const held = [...(heldLimits ?? []), ...cachedHeldLimits(superseded, limits, request.now)];
  return [...charges, ...chargesForHeld(owner, held, subjects, request, charges)];
}

/** The charges for held limits, without those on a counter that is charged already. A store would add them up. */
function chargesForHeld(
  owner: string,
  held: readonly HeldLimit[],
  subjects: Subjects,
  request: ChargedRequest,
  others: readonly NamedCharge[],
): readonly NamedCharge[] {
  if (held.length === 0) return NO_CHARGES;
  const counters = new Set(others.map(counterOf));
  const limits = held.map(({ limit }) => limit);
  return chargesForLimits(owner, limits, subjects, request).flatMap((charge): readonly NamedCharge[] => {
    const counter = counterOf(charge);
    if (counters.has(counter)) return NO_CHARGES;
    counters.add(counter);
    return [{ ...charge, isSuperseded: true }];
  });
}

function counterOf({ subject, limit: { identity } }: NamedCharge): string {
  return `${subject} ${identity}`;
}

/** `owner` is the resource name of the owner of the limits. */
function chargesForLimits(
  owner: string,
  limits: readonly PlanLimit[],
  { own, shared }: Subjects,
  { hits, route }: ChargedRequest,
): readonly NamedCharge[] {
  const charges: NamedCharge[] = [];
  for (const limit of limits) {
    if (limit.algorithm === 'unlimited' || !countsRoute(limit, route)) continue;
    charges.push({
      subject: limit.per === 'account' ? shared : own,
      limit,
      hits,
      limitName: { rule: owner, label: `${owner}/${limit.name}` },
      // null, because charges are mostly cached (charge-cache.ts).
      storeHandle: null,
    });
  }
  return charges;
}

function countsRoute({ routes }: PlanLimit, route: ChargedRoute): boolean {
  if (routes === undefined || route === ALL_ROUTES) return true;
  return route !== undefined && routes.includes(route);
}
