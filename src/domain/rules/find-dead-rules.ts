import { isIdleNextTo } from '../limits/idle-limit.ts';
import { describeShadowing } from './describe-shadowing.ts';
import { isAddressKey, parseNetwork } from './network-index.ts';
import {
  ADMIN_DOMAIN,
  ADMIN_KEYS,
  CALL_OUTCOMES,
  EDGE_DOMAIN,
  EDGE_KEYS,
  isPlanKey,
  MAX_DEVICE_LENGTH,
  PLANS_DOMAIN,
  REFUSED_KEY,
  REFUSED_STATUSES,
} from './reserved-domains.ts';
import type { Rule } from './rule.ts';
import { childPath, isWildcard, type KeyRules, type RuleBook, type RuleNode } from './rule-book.ts';
import { addWildcard, createWildcardIndex, findFirstWildcard } from './wildcard-index.ts';

/** A descriptor of the rules files that can never match, that has a limit that can never reject, or that lets clients block others. */
export interface DeadRule {
  readonly domain: string;
  /** Keys and values from the top of the domain down to the descriptor; empty for the domain itself. */
  readonly pattern: readonly PatternEntry[];
  readonly path: string;
  /** The reason, as it follows the path in a message. */
  readonly description: string;
}

/** A key and the value as written; undefined: any value. */
export interface PatternEntry {
  readonly key: string;
  readonly value: string | undefined;
}

/** A place in the rules of a domain, from which descriptors are found. */
interface Place {
  readonly domain: string;
  readonly isMostSpecific: boolean;
  readonly pattern: readonly PatternEntry[];
  readonly path: string;
  /** Names of all limits of the domain. */
  readonly limitNames: ReadonlySet<string>;
}

/** Finds what can never match and what can never reject, in the order of the rules. */
export function* findDeadRules(book: RuleBook): Generator<DeadRule, void> {
  for (const [domain, root] of book) {
    const limitNames = new Set<string>();
    addLimitNames(root, limitNames);
    const top = { domain, isMostSpecific: root.isMostSpecific === true, pattern: [], path: domain, limitNames };
    if (root.byKey === undefined) yield { ...top, description: 'the domain has no descriptors, so it limits nothing' };
    yield* findBelow(root, top);
  }
}

function addLimitNames(node: RuleNode, names: Set<string>): void {
  for (const { name } of node.rule?.limits ?? []) names.add(name);
  for (const rules of node.byKey?.values() ?? []) {
    for (const child of nameNodes(rules).keys()) addLimitNames(child, names);
  }
}

function* findBelow(node: RuleNode, parent: Place): Generator<DeadRule, void> {
  for (const [key, rules] of node.byKey ?? []) {
    const values = nameNodes(rules);
    for (const [child, value] of values) {
      const place: Place = {
        ...parent,
        pattern: [...parent.pattern, { key, value }],
        path: childPath(parent.path, key, value),
      };
      const { domain, pattern, path } = place;
      const reason = describeUnsent(parent, key, value) ?? describeShadowing(child, key, rules, values, parent);
      if (reason !== undefined) {
        yield { domain, pattern, path, description: `can never match: ${reason}` };
        continue;
      }
      for (const description of describeIdle(child, place)) yield { domain, pattern, path, description };
      yield* findBelow(child, place);
    }
  }
}

/** Maps the children of one key to their values, in the order of the rules. */
function nameNodes({ exact, anyValue }: KeyRules): ReadonlyMap<RuleNode, string | undefined> {
  const values = new Map<RuleNode, string | undefined>();
  for (const [value, node] of exact ?? []) values.set(node, value);
  if (anyValue !== undefined) values.set(anyValue, undefined);
  return values;
}

/** Senders of the entries of a domain, and their keys. */
const SENDERS: ReadonlyMap<string, { readonly name: string; readonly keys: readonly string[] }> = new Map([
  [EDGE_DOMAIN, { name: 'Check', keys: EDGE_KEYS }],
  [ADMIN_DOMAIN, { name: 'the admin API', keys: ADMIN_KEYS }],
]);

/** Describes why no request has the entry at this place; undefined: requests may have it. */
function describeUnsent({ domain, pattern }: Place, key: string, value: string | undefined): string | undefined {
  if (domain === PLANS_DOMAIN && isPlanKey(key)) {
    return `in the domain ${PLANS_DOMAIN}, the plans of the catalog count ${key}, and rules do not`;
  }
  const sender = SENDERS.get(domain);
  if (sender === undefined) return undefined;
  const { name, keys } = sender;
  if (!keys.includes(key)) return `in the domain ${domain}, ${name} sends only ${keys.join(', ')}`;
  if (pattern.some((entry) => entry.key === key))
    return `${name} sends ${key} only once, and a descriptor above has it`;
  return value === undefined ? undefined : describeUnsentValue(name, key, value);
}

function describeUnsentValue(sender: string, key: string, value: string): string | undefined {
  if (key === 'outcome' && !isOutcome(value)) return `calls end with one of ${CALL_OUTCOMES.join(', ')}`;
  if (isWildcard(value)) return undefined;
  if (key === 'method' && !/^\w+\/\w+$/.test(value)) return 'its value is not a method, such as AuthService/Login';
  if (key === 'device' && value.length > MAX_DEVICE_LENGTH) {
    return `${sender} cuts off the names of devices after ${MAX_DEVICE_LENGTH} characters`;
  }
  if (key === REFUSED_KEY && !REFUSED_STATUSES.some((status) => String(status) === value)) {
    return `Check sends only ${REFUSED_STATUSES.join(' and ')} as ${REFUSED_KEY}`;
  }
  if (isAddressKey(key) && parseNetwork(value) === undefined) {
    return 'its value is neither an address nor a network, such as 192.0.2.1 or 192.0.2.0/24';
  }
  return undefined;
}

function isOutcome(pattern: string): boolean {
  const index = createWildcardIndex<true>();
  addWildcard(index, pattern, true);
  return CALL_OUTCOMES.some(
    (outcome) => outcome === pattern || (isWildcard(pattern) && findFirstWildcard(index, outcome)),
  );
}

/** Describes why a descriptor, or a part of it, has no effect on the requests that it matches. */
function* describeIdle({ byKey, rule }: RuleNode, { domain, pattern, limitNames }: Place): Generator<string, void> {
  if (rule === undefined) {
    if (byKey !== undefined) return;
    yield 'has neither limits nor descriptors, so it limits nothing; rate_limit: {unlimited: true} says so explicitly';
    return;
  }
  for (const [index, limit] of rule.limits.entries()) {
    const stricter = rule.limits.find((other, otherIndex) => {
      return otherIndex !== index && isIdleNextTo(limit, other) && (otherIndex < index || !isIdleNextTo(other, limit));
    });
    if (stricter !== undefined)
      yield `the limit ${limit.name} can never reject: the limit ${stricter.name} is stricter`;
  }
  if (domain === EDGE_DOMAIN) yield* describeRefused(rule, pattern);
  if (domain !== PLANS_DOMAIN) yield* describeMissingReplaced(rule, limitNames);
}

/** Describes what is wrong with a rule that counts refused requests. */
function* describeRefused({ limits }: Rule, pattern: readonly PatternEntry[]): Generator<string, void> {
  if (!pattern.some(({ key }) => key === REFUSED_KEY)) return;
  for (const limit of limits) {
    if (limit.algorithm === 'unlimited' || limit.blockForSeconds !== undefined) continue;
    yield `the limit ${limit.name} can never reject: below ${REFUSED_KEY}, only block_for does`;
  }
  if (!pattern.some(({ key }) => isAddressKey(key))) {
    yield `blocks clients for the requests of others; add remote_address next to ${REFUSED_KEY}`;
  }
}

function* describeMissingReplaced({ replaces = [] }: Rule, limitNames: ReadonlySet<string>): Generator<string, void> {
  for (const name of replaces) {
    if (!limitNames.has(name)) yield `replaces the limit ${name}, but no limit of the domain has this name`;
  }
}
