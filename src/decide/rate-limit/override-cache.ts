import { BoundedMap } from '../../collections/bounded-map.ts';
import type { DescriptorEntry } from '../../domain/descriptor.ts';
import type { CountedLimit, Limit } from '../../domain/limits/limit.ts';
import { applyOverride, type LimitOverride } from '../../domain/limits/limit-override.ts';
import type { Rule } from '../../domain/rules/rule.ts';

/**
 * Overridden limits, by rule and by override. Other caches know a limit by its object, such as the one of recent
 * rejections: so an override must be the same object each time.
 */
const overrides = new WeakMap<Rule, BoundedMap<string, CountedLimit>>();
/** Where each customer has a limit of their own, there are about as many overrides as customers. */
const MAX_OVERRIDES_PER_RULE = 10_000;
/** Envoy's configuration has few keys. */
const MAX_UNMATCHED_RULES = 1000;

/** Stand-ins for missing rules, by path. */
const unmatched = new BoundedMap<string, Rule>(MAX_UNMATCHED_RULES, 'clear');

/** Returns the limit of an override of a rule. */
export function cachedOverride(rule: Rule, override: LimitOverride): CountedLimit {
  const ruleOverrides = getOrCreate(overrides, rule, createOverrideMap);
  const name = `${override.requests}/${override.windowSeconds}`;
  return getOrCreate(ruleOverrides, name, () => applyOverride(rule.limits, override));
}

/**
 * Returns a stand-in for the rule of entries that none matches. Its path has no values: metrics are named after it.
 * `limits` are the same for all of them.
 */
export function unmatchedRule(domain: string, entries: readonly DescriptorEntry[], limits: readonly Limit[]): Rule {
  const path = [domain, ...entries.map(({ key }) => key)].join('.');
  return getOrCreate(unmatched, path, () => ({ path, limits }));
}

function createOverrideMap(): BoundedMap<string, CountedLimit> {
  return new BoundedMap(MAX_OVERRIDES_PER_RULE, 'clear');
}

function getOrCreate<Key extends object | string, Value>(
  cache: { get(key: Key): Value | undefined; set(key: Key, value: Value): unknown },
  key: Key,
  create: () => Value,
): Value {
  let value = cache.get(key);
  if (value === undefined) {
    value = create();
    cache.set(key, value);
  }
  return value;
}
