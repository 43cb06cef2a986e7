import { elementAt } from '../../collections/element-at.ts';
import type {
  AdminCounter,
  CounterAccess,
  CounterSelector,
  CounterSnapshot,
} from '../../domain/counting/counter-admin.ts';
import { formatDescriptorSubject } from '../../domain/counting/counter-subject.ts';
import type { DescriptorEntry } from '../../domain/descriptor.ts';
import { matchRule } from '../../domain/rules/match-rule.ts';
import { countedEntries, ruleLimitName } from '../../domain/rules/rule.ts';
import type { RuleBook } from '../../domain/rules/rule-book.ts';
import { ALL_ROUTES, chargesForAccount, chargesForKey } from '../check/credential-charges.ts';
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
      const snapshots = checkResults(decisions, await store.decide(decisions)).map(toSnapshot);
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
  if (selector.kind === 'api_key') {
    const key = catalog.key(selector.id);
    const plan = key && catalog.plan(key.planId);
    return key && plan && chargesForKey(key, plan, 0, ALL_ROUTES).map(toAdminCounter);
  }
  const account = catalog.account(selector.id);
  const plan = account && catalog.plan(account.planId);
  return account && plan && chargesForAccount(account, plan, 0, ALL_ROUTES).map(toAdminCounter);
}

function toAdminCounter({ subject, limit, limitName }: NamedCharge): AdminCounter {
  return { label: limitName.label, subject, limit };
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
function toSnapshot(result: DecisionResult): CounterSnapshot | undefined {
  if (result instanceof StoreUnavailable) return undefined;
  if (result.source !== 'redis' && result.source !== 'memory') return undefined;
  const { exceeded, remaining, resetAfter, freeAt, retryAfter } = elementAt(result.charges, 0);
  const answeredAt = freeAt - resetAfter;
  return {
    remaining,
    resetAt: resetAfter === 0 ? undefined : ceilToMilliseconds(freeAt),
    isBlocked: exceeded,
    blockEndsAt: retryAfter === undefined ? undefined : ceilToMilliseconds(answeredAt + retryAfter),
  };
}

/** Rounds up, so that the time is never too early. */
function ceilToMilliseconds(microseconds: number): number {
  return Math.ceil(microseconds / 1000);
}
