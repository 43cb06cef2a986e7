import { formatSubject } from '../../domain/counting/counter-subject.ts';
import type { LimitName } from '../../domain/limit-status.ts';
import type { Plan } from '../../domain/limits/plan.ts';
import type { PlanLimit } from '../../domain/limits/plan-limit.ts';
import type { VerifiedToken } from '../../domain/tokens/token.ts';
import type { AccountRecord, Charge, KeyRecord } from '../ports.ts';

/** What a request is charged, and how each charge's limit is known, in the same order. */
export interface Cost {
  readonly charges: readonly Charge[];
  readonly names: readonly LimitName[];
}

export const NOTHING: Cost = { charges: [], names: [] };

/** What of a request decides its cost beside who asks. */
export interface Usage {
  readonly hits: number;
  /** By which limits name routes; undefined: it is on none of them. */
  readonly route: string | undefined;
  /** It stands for requests on all routes. */
  readonly isAnywhere?: true;
}

/**
 * What one request on an API key is charged: every limit of its plan and every one of its own that counts the route, for
 * the key or for its account. Check and the RLS domain `plans` both charge this, so a key has one budget whichever
 * filter asks. The key's own are another subject: they may have the names and windows of the plan's.
 */
export function costForKey(key: KeyRecord, plan: Plan, usage: Usage): Cost {
  const subjects = { each: formatSubject('key', key.counterId), shared: subjectOfAccount(key.accountId) };
  const ofPlan = costOf(`plans/${plan.id}`, subjects, plan.limits, usage);
  const { limits } = key.conditions;
  if (limits.length === 0) return ofPlan;
  const own = formatSubject('key', key.counterId, 'own');
  const ofKey = costOf(`apiKeys/${key.id}`, { each: own, shared: own }, limits, usage);
  return { charges: [...ofPlan.charges, ...ofKey.charges], names: [...ofPlan.names, ...ofKey.names] };
}

/**
 * What one request on an account is charged: every limit of its plan that counts the route, for the account. Of those
 * that its keys share these are the same counters.
 */
export function costForAccount(account: AccountRecord, plan: Plan, usage: Usage): Cost {
  const subject = subjectOfAccount(account.id);
  return costOf(`plans/${plan.id}`, { each: subject, shared: subject }, plan.limits, usage);
}

/**
 * What one request on a token is charged: what its account is, whoever else of it asks, and the limits that the token
 * itself has, counted for it alone.
 */
export function costForToken(token: VerifiedToken, plan: Plan | undefined, usage: Usage): Cost {
  const ofPlan = plan === undefined ? NOTHING : costForAccount({ id: token.accountId, planId: plan.id }, plan, usage);
  if (token.limits.length === 0) return ofPlan;
  const id = token.tokenId ?? '';
  const subject = formatSubject('token', token.issuerId ?? '', id);
  const own = costOf(`tokens/${id}`, { each: subject, shared: subject }, token.limits, usage);
  return { charges: [...ofPlan.charges, ...own.charges], names: [...ofPlan.names, ...own.names] };
}

function subjectOfAccount(id: string): string {
  return formatSubject('account', id);
}

function costOf(
  owner: string,
  subjects: { readonly each: string; readonly shared: string },
  limits: readonly PlanLimit[],
  usage: Usage,
): Cost {
  const charges = limits.flatMap((limit) => {
    if (limit.algorithm === 'unlimited' || !countsUsage(limit, usage)) return [];
    const subject = limit.per === 'account' ? subjects.shared : subjects.each;
    // null, as they are mostly kept (known-costs.ts).
    return { subject, limit, hits: usage.hits, storeHandle: null };
  });
  return { charges, names: charges.map(({ limit }) => ({ rule: owner, label: `${owner}/${limit.name}` })) };
}

function countsUsage({ routes }: PlanLimit, { route, isAnywhere }: Usage): boolean {
  return routes === undefined || isAnywhere === true || (route !== undefined && routes.includes(route));
}
