import type { DescriptorEntry } from '../../domain/descriptor.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { applyOverride, type LimitOverride } from '../../domain/limits/limit-override.ts';
import type { Rule } from '../../domain/rules/rule-book.ts';

/** By rule, then by what the override says. What is known of a limit, such as who was just refused, is kept by the object. */
const overrides = new WeakMap<Rule, Map<string, CountedLimit>>();
/** Stand for rules where there are none, by their path. */
const unmatched = new Map<string, Rule>();

/** Where customers have limits of their own, there are about as many as customers; beyond it they are made anew. */
const MOST_OVERRIDES = 10_000;
/** Envoy's configuration has few keys. */
const MOST_UNMATCHED = 1000;

/** The limit of an override in place of a rule's. */
export function cachedOverride(rule: Rule, override: LimitOverride): CountedLimit {
  const known = kept(overrides, rule, () => new Map<string, CountedLimit>());
  const name = `${override.requests}/${override.windowSeconds}`;
  if (known.size >= MOST_OVERRIDES && !known.has(name)) known.clear();
  return kept(known, name, () => applyOverride(rule.limits, override));
}

/** Stands for the rule of entries that no rule is for; values are not in its path, or metrics would have as many. */
export function unmatchedRule(domain: string, entries: readonly DescriptorEntry[]): Rule {
  const path = [domain, ...entries.map(({ key }) => key)].join('.');
  if (unmatched.size >= MOST_UNMATCHED && !unmatched.has(path)) unmatched.clear();
  return kept(unmatched, path, () => ({ path, limits: [] }));
}

function kept<Key extends object | string, Value>(
  known: { get(key: Key): Value | undefined; set(key: Key, value: Value): unknown },
  key: Key,
  make: () => Value,
): Value {
  let value = known.get(key);
  if (value === undefined) {
    value = make();
    known.set(key, value);
  }
  return value;
}
