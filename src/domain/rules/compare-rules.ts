import type { DescriptorEntry } from '../descriptor.ts';
import type { Limit } from '../limits/limit.ts';
import { type LocatedRule, locateRules } from './locate-rules.ts';
import { matchRule } from './match-rule.ts';
import type { Rule } from './rule.ts';
import { childPath, isPattern, isWildcard, type KeyRules, type RuleBook, type RuleNode } from './rule-book.ts';

/** One difference between two rule books. Two rules are the same rule if they stand for the same entries. */
export type RuleChange =
  /** `otherMatch`: the rule that matched these requests before; undefined: none, or more than one. */
  | { readonly kind: 'added'; readonly rule: Rule; readonly otherMatch: Rule | undefined }
  /** `otherMatch`: the rule that matches these requests from now on; undefined: none, or more than one. */
  | { readonly kind: 'removed'; readonly rule: Rule; readonly otherMatch: Rule | undefined }
  | {
      readonly kind: 'changed';
      readonly before: Rule;
      readonly rule: Rule;
      readonly limits: readonly LimitChange[];
    }
  /** The domain's `match` changed. */
  | { readonly kind: 'rematched'; readonly domain: string; readonly isMostSpecific: boolean }
  /** Values with `*` changed their order; the first that matches wins. */
  | { readonly kind: 'reordered'; readonly path: string; readonly values: readonly string[] };

/** Change of one limit of a rule that stays. At most one of `before` and `after` is undefined. */
export interface LimitChange {
  readonly before: Limit | undefined;
  readonly after: Limit | undefined;
  /** The limit keeps its counters. */
  readonly keepsCounters: boolean;
}

/** Lists the differences between two rule books, sorted by the paths of the rules. */
export function compareRules(before: RuleBook, after: RuleBook): readonly RuleChange[] {
  const [oldRules, newRules] = [indexRules(before), indexRules(after)];
  const changes: { readonly path: string; readonly change: RuleChange }[] = [];
  const record = (path: string, change: RuleChange) => void changes.push({ path, change });
  for (const [location, located] of newRules) {
    const { rule } = located;
    const old = oldRules.get(location);
    if (old === undefined) record(rule.path, { kind: 'added', rule, otherMatch: matchPattern(located, before) });
    else if (!isEqual(old.rule, rule)) {
      record(rule.path, { kind: 'changed', before: old.rule, rule, limits: compareLimits(old.rule, rule) });
    }
  }
  for (const [location, located] of oldRules) {
    const { rule } = located;
    if (newRules.has(location)) continue;
    record(rule.path, { kind: 'removed', rule, otherMatch: matchPattern(located, after) });
  }
  for (const [domain, root] of after) {
    const old = before.get(domain);
    const isMostSpecific = root.isMostSpecific === true;
    if (old !== undefined && (old.isMostSpecific === true) !== isMostSpecific) {
      record(domain, { kind: 'rematched', domain, isMostSpecific });
    }
    compareOrder(old, root, domain, record);
  }
  changes.sort((one, other) => (one.path < other.path ? -1 : one.path > other.path ? 1 : 0));
  return changes.map(({ change }) => change);
}

/** All rules of a book, by domain and pattern as JSON. */
function indexRules(book: RuleBook): ReadonlyMap<string, LocatedRule> {
  const indexed = new Map<string, LocatedRule>();
  for (const located of locateRules(book)) indexed.set(JSON.stringify([located.domain, located.pattern]), located);
  return indexed;
}

/** Finds the rule of another book that matches this rule's requests; undefined if that depends on values left open. */
function matchPattern({ domain, pattern }: LocatedRule, book: RuleBook): Rule | undefined {
  const entries: DescriptorEntry[] = [];
  for (const { key, value } of pattern) {
    if (value === undefined || isPattern(key, value)) return undefined;
    entries.push({ key, value });
  }
  return matchRule(book, domain, entries);
}

/** Pairs limits that share their counters, then limits of the same name, then the remaining ones in their order. */
function compareLimits(before: Rule, after: Rule): readonly LimitChange[] {
  const unpaired = [...before.limits];
  const takeFirst = (fits: (limit: Limit) => boolean): Limit | undefined => {
    const index = unpaired.findIndex(fits);
    return index < 0 ? undefined : unpaired.splice(index, 1)[0];
  };
  const partners = new Map<Limit, Limit | undefined>();
  const pairBy = (fits: (old: Limit, limit: Limit) => boolean): void => {
    for (const limit of after.limits) {
      if (partners.get(limit) !== undefined) continue;
      const partner = takeFirst((old) => fits(old, limit));
      partners.set(limit, partner);
    }
  };
  pairBy((old, limit) => shareCounters(old, limit));
  pairBy((old, limit) => old.name === limit.name);
  pairBy(() => true);
  const changes = after.limits.map((limit): LimitChange => {
    const old = partners.get(limit);
    return {
      before: old,
      after: limit,
      keepsCounters: old !== undefined && keepsCounters({ ...before, limits: [old] }, after, limit),
    };
  });
  const removed = unpaired.map((limit): LimitChange => ({ before: limit, after: undefined, keepsCounters: false }));
  const sharingChanged = !isEqual(before.sharedValues, after.sharedValues);
  return [...changes, ...removed].filter((change) => !isEqual(change.before, change.after) || sharingChanged);
}

/** Whether a limit of the rule `after` keeps the counters of `before`, the rule that matched its requests until now. */
export function keepsCounters(before: Rule, after: Rule, limit: Limit): boolean {
  return isEqual(before.sharedValues, after.sharedValues) && before.limits.some((old) => shareCounters(old, limit));
}

function shareCounters(one: Limit, other: Limit): boolean {
  return one.algorithm !== 'unlimited' && other.algorithm !== 'unlimited' && one.identity === other.identity;
}

/** Compares by content. The parser always writes fields in the same order. */
function isEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function compareOrder(
  before: RuleNode | undefined,
  after: RuleNode,
  path: string,
  record: (path: string, change: RuleChange) => void,
): void {
  if (before === undefined) return;
  for (const [key, rules] of after.byKey ?? []) {
    const oldRules = before.byKey?.get(key);
    const values = listWildcards(rules).filter((value) => oldRules?.exact?.has(value));
    const oldValues = listWildcards(oldRules).filter((value) => rules.exact?.has(value));
    const keyPath = childPath(path, key, undefined);
    if (!isEqual(values, oldValues)) record(keyPath, { kind: 'reordered', path: keyPath, values });
    for (const [value, child] of rules.exact ?? []) {
      compareOrder(oldRules?.exact?.get(value), child, childPath(path, key, value), record);
    }
    if (rules.anyValue !== undefined) compareOrder(oldRules?.anyValue, rules.anyValue, keyPath, record);
  }
}

/** Values with asterisks, in the order of the file. */
function listWildcards(rules: KeyRules | undefined): readonly string[] {
  return [...(rules?.exact?.keys() ?? [])].filter(isWildcard);
}
