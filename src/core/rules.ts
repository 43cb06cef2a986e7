import type { Entry } from './descriptor.ts';
import type { Limit } from './limit.ts';

/** A descriptor pattern and its limits. */
export interface Rule {
  /** Domain and keys on the way, as in `edge.path_/login.remote_address`: how answers and logs name the rule. */
  readonly path: string;
  readonly limits: readonly Limit[];
}

/** Names one of the rule's limits: by the rule's path, and where it has several, the limit's name behind it. */
export function ruleLimitLabel({ path, limits }: Rule, limitName: string): string {
  return limits.length === 1 ? path : `${path}/${limitName}`;
}

/** One level of nested descriptors: for an entry, the exact value wins over the key alone. */
export interface RuleNode {
  /** By key, then by value. */
  readonly exact: Map<string, Map<string, RuleNode>>;
  /** By key: any value. */
  readonly anyValue: Map<string, RuleNode>;
  rule: Rule | undefined;
}

/** All rules, by domain. Never changed once in use: a reload makes another. */
export type RuleBook = ReadonlyMap<string, RuleNode>;

export const EMPTY_RULE_BOOK: RuleBook = new Map();

export function createRuleNode(): RuleNode {
  return { exact: new Map(), anyValue: new Map(), rule: undefined };
}

/**
 * The rule for a descriptor's entries: each entry in turn descends one level, and the rule must stand at the level of
 * the last one. The way taken is never taken back, as in envoyproxy/ratelimit's README ("descriptor list definition").
 */
export function matchRule(book: RuleBook, domain: string, entries: readonly Entry[]): Rule | undefined {
  let node = book.get(domain);
  for (const { key, value } of entries) {
    if (node === undefined) return undefined;
    node = nodeBelow(node, key, value);
  }
  return node?.rule;
}

/** Where an entry leads from a level to the next; undefined: no rule has it there. */
export function nodeBelow(node: RuleNode, key: string, value: string): RuleNode | undefined {
  return node.exact.get(key)?.get(value) ?? node.anyValue.get(key);
}
