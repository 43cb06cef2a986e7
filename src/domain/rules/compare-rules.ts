import type { Entry } from '../descriptor.ts';
import type { Limit } from '../limits/limit.ts';
import { type KeyRules, matchRule, pathBelow, type Rule, type RuleBook, type RuleNode } from './rule-book.ts';

/** What becomes of one rule; rules are the same that stand for the same entries. */
export type RuleChange =
  /** `other`: the rule that had its requests before; undefined: none, or it may be several. */
  | { readonly kind: 'added'; readonly rule: Rule; readonly other: Rule | undefined }
  /** `other`: the rule that has its requests from now on, likewise. */
  | { readonly kind: 'removed'; readonly rule: Rule; readonly other: Rule | undefined }
  | {
      readonly kind: 'changed';
      readonly before: Rule;
      readonly rule: Rule;
      readonly limits: readonly LimitChange[];
    }
  /** The domain finds its rules by another `match`. */
  | { readonly kind: 'rematched'; readonly domain: string; readonly isMostSpecific: boolean }
  /** Of several values with `*` that fit, the first one counts. */
  | { readonly kind: 'reordered'; readonly path: string; readonly values: readonly string[] };

/** What becomes of one limit of a rule that stays. One of `before` and `after` may be undefined, and not both. */
export interface LimitChange {
  readonly before: Limit | undefined;
  readonly after: Limit | undefined;
  /** What was counted goes on to count. */
  readonly keepsCounters: boolean;
}

/** A rule and where it stands: each entry's value as it is written, undefined: any. */
interface Standing {
  readonly rule: Rule;
  readonly domain: string;
  readonly pattern: readonly { readonly key: string; readonly value: string | undefined }[];
}

/** What changes from one set of rules to another, by the rules' paths in the order of their characters. */
export function compareRules(before: RuleBook, after: RuleBook): readonly RuleChange[] {
  const [olds, news] = [standingsOf(before), standingsOf(after)];
  const changes: { readonly path: string; readonly change: RuleChange }[] = [];
  const note = (path: string, change: RuleChange) => void changes.push({ path, change });
  for (const [place, standing] of news) {
    const { rule } = standing;
    const old = olds.get(place);
    if (old === undefined) note(rule.path, { kind: 'added', rule, other: ruleInstead(standing, before) });
    else if (!isSame(old.rule, rule)) {
      note(rule.path, { kind: 'changed', before: old.rule, rule, limits: compareLimits(old.rule, rule) });
    }
  }
  for (const [place, standing] of olds) {
    const { rule } = standing;
    if (!news.has(place)) note(rule.path, { kind: 'removed', rule, other: ruleInstead(standing, after) });
  }
  for (const [domain, root] of after) {
    const old = before.get(domain);
    const isMostSpecific = root.isMostSpecific === true;
    if (old !== undefined && (old.isMostSpecific === true) !== isMostSpecific) {
      note(domain, { kind: 'rematched', domain, isMostSpecific });
    }
    compareOrder(old, root, domain, note);
  }
  changes.sort((one, other) => (one.path < other.path ? -1 : one.path > other.path ? 1 : 0));
  return changes.map(({ change }) => change);
}

function standingsOf(book: RuleBook): ReadonlyMap<string, Standing> {
  const found = new Map<string, Standing>();
  const addBelow = (node: RuleNode, domain: string, pattern: Standing['pattern']): void => {
    if (node.rule !== undefined) found.set(JSON.stringify([domain, pattern]), { rule: node.rule, domain, pattern });
    for (const [key, rules] of node.byKey ?? []) {
      for (const [value, below] of rules.exact ?? []) addBelow(below, domain, [...pattern, { key, value }]);
      if (rules.anyValue !== undefined) addBelow(rules.anyValue, domain, [...pattern, { key, value: undefined }]);
    }
  };
  for (const [domain, root] of book) addBelow(root, domain, []);
  return found;
}

/** The rule of another book for what this one stands for; undefined where that depends on values that are left open. */
function ruleInstead({ domain, pattern }: Standing, book: RuleBook): Rule | undefined {
  const entries: Entry[] = [];
  for (const { key, value } of pattern) {
    if (value === undefined || value.includes('*')) return undefined;
    entries.push({ key, value });
  }
  return matchRule(book, domain, entries);
}

/** Limits that are counted alike belong together, then those of one name, then those that are left in their order. */
function compareLimits(before: Rule, after: Rule): readonly LimitChange[] {
  const left = [...before.limits];
  const take = (fits: (limit: Limit) => boolean): Limit | undefined => {
    const place = left.findIndex(fits);
    return place < 0 ? undefined : left.splice(place, 1)[0];
  };
  const partners = new Map<Limit, Limit | undefined>();
  const pair = (fits: (one: Limit, other: Limit) => boolean): void => {
    for (const limit of after.limits) {
      if (partners.get(limit) === undefined)
        partners.set(
          limit,
          take((old) => fits(old, limit)),
        );
    }
  };
  pair((one, other) => isCountedAlike(one, other));
  pair((one, other) => one.name === other.name);
  pair(() => true);
  const changes = after.limits.map((limit): LimitChange => {
    const old = partners.get(limit);
    return {
      before: old,
      after: limit,
      keepsCounters: old !== undefined && keepsCounters({ ...before, limits: [old] }, after, limit),
    };
  });
  const removed = left.map((limit): LimitChange => ({ before: limit, after: undefined, keepsCounters: false }));
  const sharesOtherwise = !isSame(before.sharedValues, after.sharedValues);
  return [...changes, ...removed].filter((change) => !isSame(change.before, change.after) || sharesOtherwise);
}

/** Whether a limit of a rule goes on with what was counted by the rule that had its requests before. */
export function keepsCounters(before: Rule, after: Rule, limit: Limit): boolean {
  return isSame(before.sharedValues, after.sharedValues) && before.limits.some((old) => isCountedAlike(old, limit));
}

function isCountedAlike(one: Limit, other: Limit): boolean {
  return one.algorithm !== 'unlimited' && other.algorithm !== 'unlimited' && one.identity === other.identity;
}

/** By what they hold; fields stand in the order in which the parser puts them. */
function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function compareOrder(
  before: RuleNode | undefined,
  after: RuleNode,
  path: string,
  note: (path: string, change: RuleChange) => void,
): void {
  if (before === undefined) return;
  for (const [key, rules] of after.byKey ?? []) {
    const earlier = before.byKey?.get(key);
    const values = wildcardsOf(rules).filter((value) => earlier?.exact?.has(value));
    const order = wildcardsOf(earlier).filter((value) => rules.exact?.has(value));
    const keyPath = pathBelow(path, key, undefined);
    if (!isSame(values, order)) note(keyPath, { kind: 'reordered', path: keyPath, values });
    for (const [value, below] of rules.exact ?? []) {
      compareOrder(earlier?.exact?.get(value), below, pathBelow(path, key, value), note);
    }
    if (rules.anyValue !== undefined) compareOrder(earlier?.anyValue, rules.anyValue, keyPath, note);
  }
}

/** Values with asterisks in the order of the file. */
function wildcardsOf(rules: KeyRules | undefined): readonly string[] {
  return [...(rules?.exact?.keys() ?? [])].filter((value) => value.includes('*'));
}
