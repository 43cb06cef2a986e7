import { formatDescriptorSubject } from '../domain/counting/counter-subject.ts';
import { clientNetwork } from '../domain/credentials/client-network.ts';
import type { DescriptorEntry } from '../domain/descriptor.ts';
import { findChild } from '../domain/rules/match-rule.ts';
import { countedEntries, type Rule } from '../domain/rules/rule.ts';
import type { RuleNode } from '../domain/rules/rule-book.ts';

/** An entry of a domain in which Weir itself asks. Rules match `value`. */
export interface MatchedEntry extends DescriptorEntry {
  /** The value that is counted, unless a rule names `value` itself. undefined: the same. */
  readonly countedAs: string | undefined;
}

/** A rule that matches, and the subject of its counters. */
export interface CombinationMatch {
  readonly rule: Rule;
  readonly subject: string;
  /** Keys of the entries, from the top of the domain down to the rule. */
  readonly keys: readonly string[];
}

/**
 * Finds all rules of a domain that match any combination of the entries: each of them is a descriptor of its own, and so
 * is each combination of them, in whatever order the rules nest them.
 */
export function matchCombinations(
  domain: string,
  root: RuleNode,
  entries: readonly MatchedEntry[],
): readonly CombinationMatch[] {
  const matches: CombinationMatch[] = [];
  collectMatches(domain, root, [], entries, matches);
  return matches;
}

/** An IPv6 client has more addresses than anybody can count, so it is counted by its network. */
export function addressEntry(address: string): MatchedEntry {
  const network = clientNetwork(address);
  const isAddress = !network.includes('/');
  return {
    key: 'remote_address',
    value: isAddress ? network : address,
    countedAs: isAddress ? undefined : network,
  };
}

const NONE_REPLACED: ReadonlySet<string> = new Set();

/** The names of the limits that are not charged, because matching rules replace them. */
export function replacedLimits(matches: readonly CombinationMatch[]): ReadonlySet<string> {
  if (matches.every(({ rule }) => rule.replaces === undefined)) return NONE_REPLACED;
  return new Set(matches.flatMap(({ rule }) => rule.replaces ?? []));
}

function collectMatches(
  domain: string,
  node: RuleNode,
  path: readonly DescriptorEntry[],
  remaining: readonly MatchedEntry[],
  matches: CombinationMatch[],
): void {
  for (const entry of remaining) {
    const child = findChild(node, entry.key, entry.value);
    if (child === undefined) continue;
    const entries = [...path, countedEntry(node, entry)];
    const { rule } = child;
    if (rule !== undefined) {
      const subject = formatDescriptorSubject(domain, countedEntries(rule, entries));
      matches.push({ rule, subject, keys: entries.map(({ key }) => key) });
    }
    const others = remaining.filter((other) => other !== entry);
    collectMatches(domain, child, entries, others, matches);
  }
}

function countedEntry(node: RuleNode, entry: MatchedEntry): DescriptorEntry {
  const { key, value, countedAs } = entry;
  if (countedAs === undefined || node.byKey?.get(key)?.exact?.has(value) === true) return entry;
  return { key, value: countedAs };
}
