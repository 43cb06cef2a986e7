import { addNetwork, createNetworkIndex, isAddressKey, type NetworkIndex, parseNetwork } from './network-index.ts';
import type { Rule } from './rule.ts';
import { addWildcard, createWildcardIndex, type WildcardIndex } from './wildcard-index.ts';

/** One level of nested descriptors. */
export interface RuleNode {
  /** undefined: the node has no children. */
  byKey: Map<string, KeyRules> | undefined;
  rule: Rule | undefined;
}

/** Children of a node that share one key. */
export interface KeyRules {
  /**
   * Children by value as written, wildcards included: a request that sends the literal pattern finds that child first.
   */
  exact: Map<string, RuleNode> | undefined;
  /** Children whose values are addresses or networks. undefined: there are none, or values of the key are no addresses. */
  networks: NetworkIndex<RuleNode> | undefined;
  /** undefined: no value has an asterisk. */
  wildcards: WildcardIndex<RuleNode> | undefined;
  /** The child for the key alone. */
  anyValue: RuleNode | undefined;
}

/** The root node of a domain. */
export interface DomainRules extends RuleNode {
  /** The most specific rule wins, as in `matchMostSpecific`. */
  readonly isMostSpecific?: true;
}

/** All rules, by domain. Immutable once in use: a reload builds another one. */
export type RuleBook = ReadonlyMap<string, DomainRules>;

export const EMPTY_RULE_BOOK: RuleBook = new Map();

export function createRuleNode(): RuleNode {
  return { byKey: undefined, rule: undefined };
}

/** Adds a child of `parent` for the key and value; a value of undefined means any. Returns undefined if it exists. */
export function addRuleNode(parent: RuleNode, key: string, value: string | undefined): RuleNode | undefined {
  parent.byKey ??= new Map();
  let rules = parent.byKey.get(key);
  if (rules === undefined) {
    rules = { exact: undefined, networks: undefined, wildcards: undefined, anyValue: undefined };
    parent.byKey.set(key, rules);
  }
  const node = createRuleNode();
  if (value === undefined) {
    if (rules.anyValue !== undefined) return undefined;
    rules.anyValue = node;
    return node;
  }
  rules.exact ??= new Map();
  if (rules.exact.has(value)) return undefined;
  rules.exact.set(value, node);
  if (isNetworkValue(key, value)) {
    rules.networks ??= createNetworkIndex();
    addNetwork(rules.networks, value, node);
  }
  if (isWildcard(value)) {
    rules.wildcards ??= createWildcardIndex();
    addWildcard(rules.wildcards, value, node);
  }
  return node;
}

/** Whether a value stands for all values that it matches: an asterisk is any characters or none. */
export function isWildcard(value: string): boolean {
  return value.includes('*');
}

/** Whether a value of the key stands for an address or for all addresses of a network. */
export function isNetworkValue(key: string, value: string): boolean {
  return isAddressKey(key) && parseNetwork(value) !== undefined;
}

/** Whether several values of the key can match the value of a rule; undefined: any value. */
export function isPattern(key: string, value: string | undefined): boolean {
  return value === undefined || isWildcard(value) || (value.includes('/') && isNetworkValue(key, value));
}

/** Moves all children of a node to another, which must not have any of them. Returns the moved children. */
export function moveRules(from: RuleNode, to: RuleNode): readonly RuleNode[] {
  const moved: RuleNode[] = [];
  const move = (key: string, value: string | undefined, child: RuleNode) => {
    const node = addRuleNode(to, key, value);
    if (node === undefined) throw new Error('rules were moved to a node that has them already');
    node.byKey = child.byKey;
    node.rule = child.rule;
    moved.push(node);
  };
  for (const [key, { exact, anyValue }] of from.byKey ?? []) {
    for (const [value, child] of exact ?? []) move(key, value, child);
    if (anyValue !== undefined) move(key, undefined, anyValue);
  }
  return moved;
}

/** The path of a child whose parent has the path `parent`. */
export function childPath(parent: string, key: string, value: string | undefined): string {
  return `${parent}.${value === undefined ? key : `${key}_${value}`}`;
}
