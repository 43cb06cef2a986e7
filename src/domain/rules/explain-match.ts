import type { DescriptorEntry } from '../descriptor.ts';
import { matchMostSpecific } from './match-most-specific.ts';
import { findChild, matchRule } from './match-rule.ts';
import { addNetwork, createNetworkIndex, findSmallestNetwork } from './network-index.ts';
import type { Rule } from './rule.ts';
import { childPath, isNetworkValue, isWildcard, type KeyRules, type RuleBook, type RuleNode } from './rule-book.ts';
import { addWildcard, createWildcardIndex, findFirstWildcard } from './wildcard-index.ts';

/**
 * How an entry matched a level: by the value as written, by an address or network that contains it, by a value with `*`,
 * or by the key alone.
 */
export type MatchKind = 'exact' | 'network' | 'wildcard' | 'key';

/** How one entry was matched. Descriptors appear as paths, as rules do. */
export interface MatchStep {
  readonly entry: DescriptorEntry;
  /** undefined: nothing matches, and the search ends here. */
  readonly match: { readonly kind: MatchKind; readonly path: string } | undefined;
  /** Descriptors that would match as well, but come after the one that matched. */
  readonly alsoMatching: TruncatedList;
  /** Descriptors with the entry's key and another value. */
  readonly otherValues: TruncatedList;
  /** Keys at this level other than the entry's. */
  readonly otherKeys: TruncatedList;
}

/** The first items of a list that may be long. */
export interface TruncatedList {
  readonly first: readonly string[];
  readonly omitted: number;
}

/** Explanation of why a descriptor has its rule, or none. */
export interface MatchExplanation {
  readonly isDomainKnown: boolean;
  /** One step for each entry, up to the first that matches nothing. */
  readonly steps: readonly MatchStep[];
  /** The rule that `matchRule` finds. */
  readonly rule: Rule | undefined;
  /** Paths of rules that were passed. They apply only to requests whose entries end there. */
  readonly rulesOnPath: readonly string[];
  /** Keys that one more entry could match; empty if the search ended before. */
  readonly nextKeys: TruncatedList;
}

const MAX_LISTED_ITEMS = 10;

/** Follows the same path as `matchRule` and reports the alternatives at each step. */
export function explainMatch(book: RuleBook, domain: string, entries: readonly DescriptorEntry[]): MatchExplanation {
  const root = book.get(domain);
  const steps: MatchStep[] = [];
  const rulesOnPath: string[] = [];
  let node: RuleNode | undefined = root;
  let path = domain;
  const matchedNodes: RuleNode[] = [];
  if (root?.isMostSpecific) matchMostSpecific(root, entries, matchedNodes);
  for (const [index, entry] of entries.entries()) {
    if (node === undefined) break;
    const next: RuleNode | undefined = matchedNodes[index] ?? findChild(node, entry.key, entry.value);
    const step = explainStep(node, path, entry, next);
    steps.push(step);
    path = step.match?.path ?? path;
    if (next?.rule !== undefined && index < entries.length - 1) rulesOnPath.push(next.rule.path);
    node = next;
  }
  return {
    isDomainKnown: root !== undefined,
    steps,
    rule: matchRule(book, domain, entries),
    rulesOnPath,
    nextKeys: truncate(listKeys(node)),
  };
}

function explainStep(node: RuleNode, path: string, entry: DescriptorEntry, next: RuleNode | undefined): MatchStep {
  const rules = node.byKey?.get(entry.key);
  const children = rules === undefined ? [] : listChildren(rules);
  const matched = next === undefined ? undefined : children.find((child) => child.node === next);
  const others = children.filter((child) => child !== matched);
  const toPath = ({ value }: Child) => childPath(path, entry.key, value);
  return {
    entry,
    match: matched && { kind: matchKind(entry.key, matched, entry.value), path: toPath(matched) },
    alsoMatching: truncate(others.filter((child) => matches(entry.key, child, entry.value)).map(toPath)),
    otherValues: truncate(others.filter((child) => !matches(entry.key, child, entry.value)).map(toPath)),
    otherKeys: truncate(listKeys(node).filter((key) => key !== entry.key)),
  };
}

/** A descriptor of one level; `value` undefined: it has a key and no value. */
interface Child {
  readonly value: string | undefined;
  readonly node: RuleNode;
}

function listChildren({ exact, anyValue }: KeyRules): readonly Child[] {
  const children: Child[] = Array.from(exact ?? [], ([value, node]) => ({ value, node }));
  return anyValue === undefined ? children : [...children, { value: undefined, node: anyValue }];
}

function matchKind(key: string, { value: pattern }: Child, value: string): MatchKind {
  if (pattern === undefined) return 'key';
  if (pattern === value) return 'exact';
  return isNetworkValue(key, pattern) ? 'network' : 'wildcard';
}

function matches(key: string, { value: pattern }: Child, value: string): boolean {
  if (pattern === undefined || pattern === value) return true;
  if (isNetworkValue(key, pattern)) {
    const network = createNetworkIndex<true>();
    addNetwork(network, pattern, true);
    return findSmallestNetwork(network, value) === true;
  }
  if (!isWildcard(pattern)) return false;
  const index = createWildcardIndex<true>();
  addWildcard(index, pattern, true);
  return findFirstWildcard(index, value) === true;
}

function listKeys(node: RuleNode | undefined): readonly string[] {
  return [...(node?.byKey?.keys() ?? [])];
}

export function truncate(all: readonly string[], max = MAX_LISTED_ITEMS): TruncatedList {
  const first = all.slice(0, max);
  return { first, omitted: all.length - first.length };
}
