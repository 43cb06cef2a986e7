import { formatSubject } from '../../domain/counting/counter-subject.ts';
import type { Plan } from '../../domain/limits/plan.ts';
import type { PlanLimit } from '../../domain/limits/plan-limit.ts';
import type { VerifiedToken } from '../../domain/tokens/token.ts';
import type { NamedCharge } from '../named-charge.ts';
import type { AccountRecord, KeyRecord } from '../ports.ts';

export const NO_CHARGES: readonly NamedCharge[] = [];

/** Stands for a request on all routes at once, which every limit counts. */
export const ALL_ROUTES = Symbol('all routes');

/** The route of a request, as limits name it. undefined: no limit names the route. */
export type ChargedRoute = string | undefined | typeof ALL_ROUTES;

/**
 * Returns the charges for a request on an API key: every limit of its plan, and every limit of its own, that counts the
 * route. Limits of the plan count the key, or its account if the keys share them. Check and the rate limit domain
 * `plans` both charge this, so a key has one budget for both filters. The key's own limits have a subject of their own,
 * because they may have the same names and windows as the plan's.
 */
export function chargesForKey(key: KeyRecord, plan: Plan, hits: number, route: ChargedRoute): readonly NamedCharge[] {
  const keySubject = formatSubject('key', key.counterId);
  const planCharges = chargesForLimits(
    `plans/${plan.id}`,
    plan.limits,
    keySubject,
    accountSubject(key.accountId),
    hits,
    route,
  );
  const { limits } = key.policy;
  if (limits.length === 0) return planCharges;
  const ownSubject = formatSubject('key', key.counterId, 'own');
  return [...planCharges, ...chargesForLimits(`apiKeys/${key.id}`, limits, ownSubject, ownSubject, hits, route)];
}

/**
 * Returns the charges for a request on an account: every limit of its plan that counts the route. Limits that the
 * account's keys share have the same counters here.
 */
export function chargesForAccount(
  account: AccountRecord,
  plan: Plan,
  hits: number,
  route: ChargedRoute,
): readonly NamedCharge[] {
  const subject = accountSubject(account.id);
  return chargesForLimits(`plans/${plan.id}`, plan.limits, subject, subject, hits, route);
}

/**
 * Returns the charges for a request on a token: those of its account, and the token's own limits, which count it alone.
 */
export function chargesForToken(
  token: VerifiedToken,
  plan: Plan | undefined,
  hits: number,
  route: ChargedRoute,
): readonly NamedCharge[] {
  const planCharges =
    plan === undefined ? NO_CHARGES : chargesForAccount({ id: token.accountId, planId: plan.id }, plan, hits, route);
  if (token.limits.length === 0) return planCharges;
  const id = token.tokenId ?? '';
  const subject = formatSubject('token', token.issuerId ?? '', id);
  return [...planCharges, ...chargesForLimits(`tokens/${id}`, token.limits, subject, subject, hits, route)];
}

function accountSubject(accountId: string): string {
  return formatSubject('account', accountId);
}

/** `owner` is the resource name of the owner of the limits. `sharedSubject` is counted by limits per account. */
function chargesForLimits(
  owner: string,
  limits: readonly PlanLimit[],
  subject: string,
  sharedSubject: string,
  hits: number,
  route: ChargedRoute,
): readonly NamedCharge[] {
  const charges: NamedCharge[] = [];
  for (const limit of limits) {
    if (limit.algorithm === 'unlimited' || !countsRoute(limit, route)) continue;
    charges.push({
      subject: limit.per === 'account' ? sharedSubject : subject,
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
