import { findSameNetwork, isAddressKey } from './network-index.ts';
import { childPath, isWildcard, type KeyRules, type RuleNode } from './rule-book.ts';
import { findCoveringWildcard } from './wildcard-index.ts';

/**
 * Describes why another child of a key takes all requests that a child matches; undefined: none does. `values` are the
 * values of all children of the key, and undefined stands for any value.
 */
export function describeShadowing(
  child: RuleNode,
  key: string,
  rules: KeyRules,
  values: ReadonlyMap<RuleNode, string | undefined>,
  parent: { readonly path: string; readonly isMostSpecific: boolean },
): string | undefined {
  const value = values.get(child);
  const other = findFirstMatch(key, value, rules);
  if (other === undefined || other === child) return undefined;
  const otherValue = values.get(other);
  if (parent.isMostSpecific && otherValue !== undefined && isWildcard(otherValue)) {
    // The search comes back if the other child leads to no rule, and takes the wildcard that spells out more first.
    const isReachable = other.rule === undefined || child.byKey !== undefined;
    if (isReachable || (value !== undefined && !isSamePattern(value, otherValue))) return undefined;
  }
  return `${childPath(parent.path, key, otherValue)} matches the same values and comes first`;
}

/** Finds the child that takes all requests with the values of a child: mostly that child itself. undefined: none does. */
function findFirstMatch(key: string, value: string | undefined, rules: KeyRules): RuleNode | undefined {
  const { networks, wildcards } = rules;
  if (value === undefined || isWildcard(value)) return wildcards && findCoveringWildcard(wildcards, value ?? '*');
  return networks !== undefined && isAddressKey(key) ? findSameNetwork(networks, value) : undefined;
}

/** Whether two wildcards differ only in the number of asterisks that follow each other. */
function isSamePattern(one: string, other: string): boolean {
  return one.replaceAll(/\*+/g, '*') === other.replaceAll(/\*+/g, '*');
}
