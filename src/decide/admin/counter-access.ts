import { elementAt } from '../../collections/element-at.ts';
import type {
  AdminCounter,
  CounterAccess,
  CounterSelector,
  CounterSnapshot,
} from '../../domain/counting/counter-admin.ts';
import { formatDescriptorSubject } from '../../domain/counting/counter-subject.ts';
import type { DescriptorEntry } from '../../domain/descriptor.ts';
import { type Issuer, issuerAccountId } from '../../domain/issuers/issuer.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { isTimed } from '../../domain/limits/limit-status.ts';
import { matchRule } from '../../domain/rules/match-rule.ts';
import { countedEntries, ruleLimitName } from '../../domain/rules/rule.ts';
import type { RuleBook } from '../../domain/rules/rule-book.ts';
import { resolvePlanId, type VerifiedToken } from '../../domain/tokens/token.ts';
import {
  ALL_ROUTES,
  type ChargedRequest,
  chargesForAccount,
  chargesForKey,
  chargesForToken,
  chargesOnAccount,
  chargesOnKey,
} from '../check/credential-charges.ts';
import type { NamedCharge } from '../named-charge.ts';
import { type Catalog, type CounterStore, type DecisionResult, StoreUnavailable } from '../ports.ts';
import { checkResults } from '../store-answers.ts';

/** Finds, peeks at and changes counters for the admin plane. A reload of the rules replaces `rules.book`. */
export function createCounterAccess(
  store: CounterStore,
  rules: { readonly book: RuleBook },
  catalog: Catalog,
): CounterAccess {
  return {
    find: (selector) => findCounters(selector, rules.book, catalog),
    async peek(counters) {
      const decisions = counters.map(({ subject, limit }) => ({ charges: [{ subject, limit, hits: 0 }] }));
      const results = checkResults(decisions, await store.decide(decisions, undefined));
      const snapshots = results.map((result, index) => toSnapshot(result, elementAt(counters, index).limit));
      return snapshots.every((snapshot) => snapshot !== undefined) ? snapshots : undefined;
    },
    async change(counters, change) {
      const failures = await store.correct(counters.map(({ subject, limit }) => ({ subject, limit, change })));
      return failures.every((failure) => failure === undefined);
    },
  };
}

function findCounters(
  selector: CounterSelector,
  book: RuleBook,
  catalog: Catalog,
): readonly AdminCounter[] | undefined {
  if (selector.kind === 'descriptor') return findRuleCounters(selector.domain, selector.entries, book);
  return findCharges(selector, catalog)?.map(toAdminCounter);
}

function findCharges(
  selector: Exclude<CounterSelector, { kind: 'descriptor' }>,
  catalog: Catalog,
): readonly NamedCharge[] | undefined {
  switch (selector.kind) {
    case 'api_key': {
      const key = catalog.key(selector.id);
      if (key !== undefined && selector.limits !== undefined) return chargesOnKey(key, selector.limits, peekNow());
      const plan = key && catalog.plan(selector.planId ?? key.planId);
      return key && plan && chargesForKey(key, plan, peekNow());
    }
    case 'account': {
      const account = catalog.account(selector.id);
      if (account !== undefined && selector.limits !== undefined)
        return chargesOnAccount(account, selector.limits, peekNow());
      const plan = account && catalog.plan(selector.planId ?? account.planId);
      return account && plan && chargesForAccount(account, plan, peekNow());
    }
    case 'token':
      return findTokenCharges(selector.token, catalog);
    case 'token_account':
      return findTokenAccountCharges(selector, catalog);
  }
}

/** Returns undefined if the plan of the token does not exist: Check denies such a token. */
function findTokenCharges(token: VerifiedToken, catalog: Catalog): readonly NamedCharge[] | undefined {
  const issuer = token.issuerId === undefined ? undefined : findIssuer(token.issuerId, catalog);
  const account = catalog.account(token.accountId);
  const planId = resolvePlanId(token, account, issuer);
  if (planId === undefined) return chargesForToken(token, undefined, undefined, peekNow());
  const plan = catalog.plan(planId);
  const superseded = token.planId === undefined ? account?.supersededPlanLimits : undefined;
  return plan && chargesForToken(token, plan, superseded, peekNow());
}

function findTokenAccountCharges(
  { account, issuerId, planId }: CounterSelector & { kind: 'token_account' },
  catalog: Catalog,
): readonly NamedCharge[] | undefined {
  const issuer = issuerId === undefined ? undefined : findIssuer(issuerId, catalog);
  if (issuerId !== undefined && issuer === undefined) return undefined;
  const id = issuer === undefined ? account : issuerAccountId(issuer, account);
  const record = catalog.account(id);
  const plan = catalog.plan(resolvePlanId({ planId }, record, issuer) ?? '');
  const supersededPlanLimits = planId === undefined ? record?.supersededPlanLimits : undefined;
  return plan && chargesForAccount({ id, supersededPlanLimits }, plan, peekNow());
}

/** A request on all routes that costs nothing. */
function peekNow(): ChargedRequest {
  return { hits: 0, route: ALL_ROUTES, now: Date.now() };
}

function findIssuer(id: string, catalog: Catalog): Issuer | undefined {
  return catalog.trust.issuers.find((issuer) => issuer.id === id);
}

function toAdminCounter({ subject, limit, limitName, isSuperseded }: NamedCharge): AdminCounter {
  return { label: limitName.label, subject, limit, ...(isSuperseded && { isSuperseded }) };
}

function findRuleCounters(
  domain: string,
  entries: readonly DescriptorEntry[],
  book: RuleBook,
): readonly AdminCounter[] | undefined {
  const rule = matchRule(book, domain, entries);
  if (rule === undefined) return undefined;
  const subject = formatDescriptorSubject(domain, countedEntries(rule, entries));
  return rule.limits.flatMap((limit) =>
    limit.algorithm === 'unlimited' ? [] : [{ label: ruleLimitName(rule, limit.name).label, subject, limit }],
  );
}

/** Returns undefined unless the counters that all nodes share have answered. */
function toSnapshot(result: DecisionResult, limit: CountedLimit): CounterSnapshot | undefined {
  if (result instanceof StoreUnavailable) return undefined;
  if (result.source !== 'redis' && result.source !== 'memory') return undefined;
  const { exceeded, remaining, resetAfter, freeAt, retryAfter } = elementAt(result.charges, 0);
  const answeredAt = freeAt - resetAfter;
  return {
    remaining,
    resetAt: resetAfter === 0 || !isTimed(limit) ? undefined : ceilToMilliseconds(freeAt),
    isBlocked: exceeded,
    blockEndsAt: retryAfter === undefined ? undefined : ceilToMilliseconds(answeredAt + retryAfter),
  };
}

/** Rounds up, so that the time is never too early. */
function ceilToMilliseconds(microseconds: number): number {
  return Math.ceil(microseconds / 1000);
}
