import type { Entry } from '../descriptor.ts';
import type { KeyRules, Rule, RuleNode } from './rule-book.ts';
import { fittingWildcards } from './wildcard-values.ts';

/**
 * The rule for a descriptor's entries where the most specific one wins: of each entry in turn its exact value, else the
 * wildcard that spells out the most characters, else its key alone; what is said of an entry goes before what is said of
 * those behind it. A way that ends without a rule is taken back. No level is reached by two ways, so that a look-up costs
 * at most what `mostTried` says. With `way` it is filled with the levels on the way to the rule.
 */
export function matchMostSpecific(root: RuleNode, entries: readonly Entry[], way?: RuleNode[]): Rule | undefined {
  return findFrom(root, entries, 0, way);
}

function findFrom(node: RuleNode, entries: readonly Entry[], place: number, way?: RuleNode[]): Rule | undefined {
  const entry = entries[place];
  if (entry === undefined) return node.rule;
  const rules = node.byKey?.get(entry.key);
  if (rules === undefined) return undefined;
  const exact = rules.exact?.get(entry.value);
  let rule = exact && stepTo(exact, entries, place, way);
  if (rule === undefined && rules.wildcards !== undefined) {
    for (const fitting of fittingWildcards(rules.wildcards, entry.value)) {
      rule = fitting === exact ? undefined : stepTo(fitting, entries, place, way);
      if (rule !== undefined) break;
    }
  }
  return rule ?? (rules.anyValue && stepTo(rules.anyValue, entries, place, way));
}

function stepTo(node: RuleNode, entries: readonly Entry[], place: number, way?: RuleNode[]): Rule | undefined {
  const rule = findFrom(node, entries, place + 1, way);
  if (rule !== undefined) way?.unshift(node);
  return rule;
}

/**
 * How many levels a look-up may go through at most, whatever is asked: at each those of one exact value, of all wildcards
 * that might fit the same value by how they begin, and of the key alone.
 */
export function maxNodesVisited(node: RuleNode): number {
  let most = 0;
  for (const rules of node.byKey?.values() ?? []) most = Math.max(most, mostTriedOfKey(rules));
  return 1 + most;
}

function mostTriedOfKey({ exact, wildcards, anyValue }: KeyRules): number {
  let mostOfExact = 0;
  for (const [value, node] of exact ?? []) {
    if (!value.includes('*')) mostOfExact = Math.max(mostOfExact, maxNodesVisited(node));
  }
  let mostOfWildcards = 0;
  const byBeginning = new Map<string, number>();
  // Shortest beginnings first: each has what those that it goes on from have.
  for (const [, wildcardsOf] of wildcards?.byLength ?? []) {
    for (const [beginning, alike] of wildcardsOf) {
      let tried = alike.reduce((sum, { found }) => sum + maxNodesVisited(found), 0);
      for (let length = beginning.length - 1; length >= 0; length--) {
        const shorter = byBeginning.get(beginning.slice(0, length));
        if (shorter === undefined) continue;
        tried += shorter;
        break;
      }
      byBeginning.set(beginning, tried);
      mostOfWildcards = Math.max(mostOfWildcards, tried);
    }
  }
  return mostOfExact + mostOfWildcards + (anyValue === undefined ? 0 : maxNodesVisited(anyValue));
}
