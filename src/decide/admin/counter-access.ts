import type { AdminCounter, CounterAccess, CounterSnapshot, CounterSelector } from '../../domain/counting/counter-admin.ts';
import { formatDescriptorSubject } from '../../domain/counting/counter-subject.ts';
import { countedEntries, matchRule, type RuleBook, ruleLimitName } from '../../domain/rules/rule-book.ts';
import { type Cost, costForAccount, costForKey } from '../check/credential-charges.ts';
import { type Catalog, type CounterStore, type DecisionResult, StoreUnavailable } from '../ports.ts';

/** Counters by whom they count, for people. */
export function counterAccess(
  store: CounterStore,
  rules: { readonly book: RuleBook },
  catalog: Catalog,
): CounterAccess {
  return {
    find: (subject) => countersOf(subject, rules.book, catalog),
    async peek(counters) {
      const decisions = counters.map(({ subject, limit }) => ({ charges: [{ subject, limit, hits: 0 }] }));
      const states = (await store.decide(decisions)).map(stateOf);
      return states.every((state) => state !== undefined) ? states : undefined;
    },
    async change(counters, change) {
      const done = await store.correct(counters.map(({ subject, limit }) => ({ subject, limit, change })));
      return done.every((each) => each === undefined);
    },
  };
}

function countersOf(subject: CounterSelector, book: RuleBook, catalog: Catalog): readonly AdminCounter[] | undefined {
  if (subject.kind === 'descriptor') return countersOfRule(subject.domain, subject.entries, book);
  if (subject.kind === 'api_key') {
    const key = catalog.key(subject.id);
    const plan = key && catalog.plan(key.planId);
    return key && plan && countersOfCost(costForKey(key, plan, ANY_USAGE));
  }
  const account = catalog.account(subject.id);
  const plan = account && catalog.plan(account.planId);
  return account && plan && countersOfCost(costForAccount(account, plan, ANY_USAGE));
}

const ANY_USAGE = { hits: 0, route: undefined, isAnywhere: true } as const;

function countersOfCost({ charges, names }: Cost): readonly AdminCounter[] {
  return charges.map(({ subject, limit }, place) => ({ label: names[place]?.label ?? '', subject, limit }));
}

function countersOfRule(
  domain: string,
  entries: Extract<CounterSelector, { kind: 'descriptor' }>['entries'],
  book: RuleBook,
): readonly AdminCounter[] | undefined {
  const rule = matchRule(book, domain, entries);
  if (rule === undefined) return undefined;
  const subject = formatDescriptorSubject(domain, countedEntries(rule, entries));
  return rule.limits.flatMap((limit) =>
    limit.algorithm === 'unlimited' ? [] : [{ label: ruleLimitName(rule, limit.name).label, subject, limit }],
  );
}

/** undefined where it was not told by the counters of all nodes. */
function stateOf(decided: DecisionResult): CounterSnapshot | undefined {
  if (decided instanceof StoreUnavailable) return undefined;
  const [outcome] = decided.charges;
  if (outcome === undefined || (decided.source !== 'redis' && decided.source !== 'memory')) return undefined;
  const { exceeded, remaining, resetAfter, freeAt, retryAfter } = outcome;
  const toldAt = freeAt - resetAfter;
  return {
    remaining,
    resetAt: resetAfter === 0 ? undefined : inMilliseconds(freeAt),
    isBlocked: exceeded,
    blockEndsAt: retryAfter === undefined ? undefined : inMilliseconds(toldAt + retryAfter),
  };
}

/** Not before it. */
function inMilliseconds(microseconds: number): number {
  return Math.ceil(microseconds / 1000);
}
