import type { Entry } from '../descriptor.ts';
import type { LimitName } from '../limit-status.ts';
import type { CountedLimit, Limit } from '../limits/limit.ts';
import type { Metadata } from '../metadata.ts';
import { matchMostSpecific } from './match-most-specific.ts';
import { addWildcard, createWildcardValues, findWildcard, type WildcardValues } from './wildcard-values.ts';

/** The domain that Check charges too, before it looks at any credential. */
export const EDGE_DOMAIN = 'edge';

/** A descriptor pattern and its limits. */
export interface Rule {
  /** Domain and keys on the way, as in `edge.path_/login.remote_address`: how answers and logs name the rule. */
  readonly path: string;
  readonly limits: readonly Limit[];
  /** It refuses nothing: its limits are charged for requests that the others let in, and what they would do is told. */
  readonly isShadow?: true;
  /** Its limits refuse a request only where those of all such rules that are matched do; they are told by its status. */
  readonly isQuota?: true;
  /** Judged beside the limits for requests that are let in, and only told. */
  readonly candidate?: CountedLimit;
  /** Told in the answer where the rule lets the request pass. */
  readonly metadata?: Metadata;
  /**
   * By the place of the entry, what metrics name the rule by: as in its path; undefined: with the value that was sent.
   * Left out: by its path.
   */
  readonly metricParts?: readonly (string | undefined)[];
  /** Names of limits of the domain's rules that are not charged by a request that this rule is matched in too. */
  readonly replaces?: readonly string[];
  /**
   * By the place of the entry: the wildcard that is counted in place of the value, so that all values that fit share the
   * limit. undefined: the value itself.
   */
  readonly sharedValues?: readonly (string | undefined)[];
}

/** How one of the rule's limits is known: by the rule's path, and where it has several, the limit's name behind it. */
export function ruleLimitName({ path, limits }: Rule, limitName: string): LimitName {
  return { rule: path, label: limits.length === 1 ? path : `${path}/${limitName}` };
}

/** One level of nested descriptors. */
export interface RuleNode {
  /** undefined: nothing is below. */
  byKey: Map<string, KeyRules> | undefined;
  rule: Rule | undefined;
}

/** What a level has for the entries of one key. */
export interface KeyRules {
  /** Those with asterisks too: asked for as it is written, each is found before those that would fit. */
  exact: Map<string, RuleNode> | undefined;
  /** undefined: none has an asterisk. */
  wildcards: WildcardValues<RuleNode> | undefined;
  anyValue: RuleNode | undefined;
}

/** The first level of a domain. */
export interface DomainRules extends RuleNode {
  /** The most specific rule is found, by `matchMostSpecific`. */
  readonly isMostSpecific?: true;
}

/** All rules, by domain. Never changed once in use: a reload makes another. */
export type RuleBook = ReadonlyMap<string, DomainRules>;

export const EMPTY_RULE_BOOK: RuleBook = new Map();

export function createRuleNode(): RuleNode {
  return { byKey: undefined, rule: undefined };
}

/** Adds what is below `parent` for the key and value, without a value any; undefined: it is there already. */
export function addRuleNode(parent: RuleNode, key: string, value: string | undefined): RuleNode | undefined {
  parent.byKey ??= new Map();
  let rules = parent.byKey.get(key);
  if (rules === undefined) {
    rules = { exact: undefined, wildcards: undefined, anyValue: undefined };
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
  if (value.includes('*')) {
    rules.wildcards ??= createWildcardValues();
    addWildcard(rules.wildcards, value, node);
  }
  return node;
}

/** The path of what is below the path `parent`. */
export function pathBelow(parent: string, key: string, value: string | undefined): string {
  return `${parent}.${value === undefined ? key : `${key}_${value}`}`;
}

/**
 * The rule for a descriptor's entries, unless the domain is one of the most specific: each entry in turn descends one level, by its exact value, else by the first
 * wildcard that fits, else by its key alone; and the rule must stand at the level of the last one. The way taken is never
 * taken back. As `GetLimit` in envoyproxy/ratelimit's src/config/config_impl.go, except that there keys and values are
 * joined by `_`, so that key `a` with value `b_c` is key `a_b` with value `c`; here it is not.
 */
export function matchRule(book: RuleBook, domain: string, entries: readonly Entry[]): Rule | undefined {
  const root = book.get(domain);
  if (root?.isMostSpecific) return matchMostSpecific(root, entries);
  let node: RuleNode | undefined = root;
  for (const { key, value } of entries) {
    if (node === undefined) return undefined;
    node = nodeBelow(node, key, value);
  }
  return node?.rule;
}

/** Where an entry leads from a level to the next; undefined: no rule has it there. */
export function nodeBelow(node: RuleNode, key: string, value: string): RuleNode | undefined {
  const rules = node.byKey?.get(key);
  return rules?.exact?.get(value) ?? (rules && wildcardOf(rules, value)) ?? rules?.anyValue;
}

function wildcardOf({ wildcards }: KeyRules, value: string): RuleNode | undefined {
  return wildcards === undefined ? undefined : findWildcard(wildcards, value);
}

/** What the rule's counters are named by: the entries that it was found by, and wildcards where values share a limit. */
export function countedEntries({ sharedValues }: Rule, entries: readonly Entry[]): readonly Entry[] {
  if (sharedValues === undefined) return entries;
  return entries.map(({ key, value }, place) => ({ key, value: sharedValues[place] ?? value }));
}

/** What metrics name the rule by, for a descriptor that it was found for. */
export function metricName({ path, metricParts }: Rule, domain: string, entries: readonly Entry[]): string {
  if (metricParts === undefined) return path;
  let name = domain;
  for (const [place, { key, value }] of entries.entries()) name += `.${metricParts[place] ?? `${key}_${value}`}`;
  return name;
}
