import type { DescriptorEntry } from '../descriptor.ts';
import { matchMostSpecific } from './match-most-specific.ts';
import { findSmallestNetwork } from './network-index.ts';
import type { Rule } from './rule.ts';
import type { RuleBook, RuleNode } from './rule-book.ts';
import { findFirstWildcard } from './wildcard-index.ts';

/**
 * Finds the rule for a descriptor's entries. Each entry in turn descends one level: by its exact value, else, if it is
 * an address, by the smallest network that contains it, else by the first wildcard that matches, else by its key alone.
 * The rule must stand at the level of the last entry, and the search never backtracks. Domains with `isMostSpecific` search by `matchMostSpecific` instead.
 *
 * This is `GetLimit` of envoyproxy/ratelimit (src/config/config_impl.go) with one difference. There, keys and values
 * are joined by `_`, so that key `a` with value `b_c` equals key `a_b` with value `c`. Here they differ.
 */
export function matchRule(book: RuleBook, domain: string, entries: readonly DescriptorEntry[]): Rule | undefined {
  const root = book.get(domain);
  if (root?.isMostSpecific) return matchMostSpecific(root, entries);
  let node: RuleNode | undefined = root;
  for (const { key, value } of entries) {
    if (node === undefined) return undefined;
    node = findChild(node, key, value);
  }
  return node?.rule;
}

/** Finds the child that an entry descends to; undefined: no rule has this entry at this level. */
export function findChild(node: RuleNode, key: string, value: string): RuleNode | undefined {
  const rules = node.byKey?.get(key);
  if (rules === undefined) return undefined;
  const { exact, networks, wildcards, anyValue } = rules;
  return (
    exact?.get(value) ??
    (networks && findSmallestNetwork(networks, value)) ??
    (wildcards && findFirstWildcard(wildcards, value)) ??
    anyValue
  );
}
