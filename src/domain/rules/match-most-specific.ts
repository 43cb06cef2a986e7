import type { DescriptorEntry } from '../descriptor.ts';
import { containingNetworks, maxNestedWeight } from './network-index.ts';
import type { Rule } from './rule.ts';
import { isNetworkValue, isWildcard, type KeyRules, type RuleNode } from './rule-book.ts';
import { findWildcardsBySpecificity } from './wildcard-index.ts';

/**
 * Finds the rule for a descriptor's entries in a domain where the most specific rule wins. Each entry in turn prefers
 * its exact value, then the smallest network that contains it, then the wildcard that spells out the most characters, then its key alone. Earlier entries outweigh
 * later ones. A path that ends without a rule is abandoned, and the search backtracks. No node is reached by two paths,
 * so a search visits at most `maxNodesVisited` nodes. Fills `matchedNodes`, if given, with the nodes from the root's
 * child down to the rule.
 */
export function matchMostSpecific(
  root: RuleNode,
  entries: readonly DescriptorEntry[],
  matchedNodes?: RuleNode[],
): Rule | undefined {
  return findFrom(root, entries, 0, matchedNodes);
}

function findFrom(
  node: RuleNode,
  entries: readonly DescriptorEntry[],
  index: number,
  matchedNodes?: RuleNode[],
): Rule | undefined {
  const entry = entries[index];
  if (entry === undefined) return node.rule;
  const rules = node.byKey?.get(entry.key);
  if (rules === undefined) return undefined;
  const exact = rules.exact?.get(entry.value);
  let rule = exact && descend(exact, entries, index, matchedNodes);
  if (rule === undefined && rules.networks !== undefined) {
    for (const child of containingNetworks(rules.networks, entry.value)) {
      rule = child === exact ? undefined : descend(child, entries, index, matchedNodes);
      if (rule !== undefined) break;
    }
  }
  if (rule === undefined && rules.wildcards !== undefined) {
    for (const child of findWildcardsBySpecificity(rules.wildcards, entry.value)) {
      rule = child === exact ? undefined : descend(child, entries, index, matchedNodes);
      if (rule !== undefined) break;
    }
  }
  return rule ?? (rules.anyValue && descend(rules.anyValue, entries, index, matchedNodes));
}

function descend(
  child: RuleNode,
  entries: readonly DescriptorEntry[],
  index: number,
  matchedNodes?: RuleNode[],
): Rule | undefined {
  const rule = findFrom(child, entries, index + 1, matchedNodes);
  if (rule !== undefined) matchedNodes?.unshift(child);
  return rule;
}

/**
 * Computes an upper bound for the nodes that one search visits, whatever the request. At each level that is the child
 * of one exact value, the children of all networks that contain one address, the children of all wildcards whose
 * beginnings allow the same value, and the child of the key alone.
 */
export function maxNodesVisited(node: RuleNode): number {
  let most = 0;
  for (const [key, rules] of node.byKey ?? []) most = Math.max(most, maxNodesVisitedBelow(key, rules));
  return 1 + most;
}

function maxNodesVisitedBelow(key: string, { exact, networks, wildcards, anyValue }: KeyRules): number {
  let mostByExact = 0;
  for (const [value, node] of exact ?? []) {
    // Addresses are counted with the networks that contain them.
    if (!isWildcard(value) && !isNetworkValue(key, value)) mostByExact = Math.max(mostByExact, maxNodesVisited(node));
  }
  const mostByNetworks = networks === undefined ? 0 : maxNestedWeight(networks, maxNodesVisited);
  let mostByWildcards = 0;
  const byPrefix = new Map<string, number>();
  // Shortest prefixes first: a value that starts with a prefix also starts with each prefix of that prefix.
  for (const [, wildcardsByPrefix] of wildcards?.byPrefixLength ?? []) {
    for (const [prefix, samePrefix] of wildcardsByPrefix) {
      let visited = samePrefix.reduce((sum, { target }) => sum + maxNodesVisited(target), 0);
      for (let length = prefix.length - 1; length >= 0; length--) {
        const shorter = byPrefix.get(prefix.slice(0, length));
        if (shorter === undefined) continue;
        visited += shorter;
        break;
      }
      byPrefix.set(prefix, visited);
      mostByWildcards = Math.max(mostByWildcards, visited);
    }
  }
  const mostByValue = Math.max(mostByExact, mostByNetworks) + mostByWildcards;
  return mostByValue + (anyValue === undefined ? 0 : maxNodesVisited(anyValue));
}
