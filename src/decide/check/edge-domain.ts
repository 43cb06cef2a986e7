import { formatDescriptorSubject } from '../../domain/counting/counter-subject.ts';
import { clientNetwork } from '../../domain/credentials/client-network.ts';
import type { DescriptorEntry } from '../../domain/descriptor.ts';
import { findChild } from '../../domain/rules/match-rule.ts';
import { countedEntries, type Rule, ruleLimitName } from '../../domain/rules/rule.ts';
import { EDGE_DOMAIN, type RuleBook, type RuleNode } from '../../domain/rules/rule-book.ts';
import type { NamedCharge } from '../named-charge.ts';
import type { Charge } from '../ports.ts';
import type { ShadowDecision } from '../prepared-decision.ts';
import type { CheckQuestion } from './check-question.ts';

/** Clients choose their device's name freely. Longer ones would fill the memory of the counters. */
const MAX_DEVICE_LENGTH = 256;

/** Charges of the domain `edge`, and those of its rules in shadow mode. */
export interface EdgeCharges {
  readonly charges: readonly NamedCharge[];
  /** undefined: no rule in shadow mode matches. */
  readonly shadows: readonly ShadowDecision[] | undefined;
}

const NO_EDGE_CHARGES: EdgeCharges = { charges: [], shadows: undefined };

/**
 * Returns the charges that apply before the credential is known: one hit of every limit of the domain `edge` whose rule
 * matches. The entries are `remote_address`, `device` and `route`, as far as they are known. Each of them is a
 * descriptor of its own, and so is each combination of them, in whatever order the rules nest them. The rate limit
 * service uses the same counters, but an IPv6 client must be named by its network there.
 */
export function chargesAtEdge(question: CheckQuestion, rules: RuleBook): EdgeCharges {
  const root = rules.get(EDGE_DOMAIN);
  if (root === undefined) return NO_EDGE_CHARGES;
  const matches: EdgeMatch[] = [];
  collectMatches(root, [], edgeEntries(question), matches);
  return chargesForMatches(matches, replacedLimits(matches));
}

/** A rule that matches, and the subject of its counters. */
interface EdgeMatch {
  readonly rule: Rule;
  readonly subject: string;
}

const NONE_REPLACED: ReadonlySet<string> = new Set();

function replacedLimits(matches: readonly EdgeMatch[]): ReadonlySet<string> {
  if (matches.every(({ rule }) => rule.replaces === undefined)) return NONE_REPLACED;
  return new Set(matches.flatMap(({ rule }) => rule.replaces ?? []));
}

function chargesForMatches(matches: readonly EdgeMatch[], replaced: ReadonlySet<string>): EdgeCharges {
  const charges: NamedCharge[] = [];
  const shadows: ShadowDecision[] = [];
  for (const { rule, subject } of matches) {
    const shadowCharges: Charge[] = [];
    for (const limit of rule.limits) {
      if (limit.algorithm === 'unlimited' || replaced.has(limit.name)) continue;
      if (rule.isShadow === true) shadowCharges.push({ subject, limit, hits: 1 });
      else {
        const limitName = ruleLimitName(rule, limit.name);
        charges.push({ subject, limit, hits: 1, limitName, storeHandle: undefined });
      }
    }
    if (shadowCharges.length > 0) shadows.push({ rule: rule.path, charges: shadowCharges });
  }
  return { charges, shadows: shadows.length === 0 ? undefined : shadows };
}

/** An entry of the domain `edge`. Rules match `value`. */
export interface EdgeEntry extends DescriptorEntry {
  /** The value that is counted, unless a rule names `value` itself. undefined: the same. */
  readonly countedAs: string | undefined;
}

/** Returns the entries of a request that rules of the domain `edge` can match. */
export function edgeEntries({ sourceAddress, device, route }: CheckQuestion): readonly EdgeEntry[] {
  const entries: EdgeEntry[] = [];
  if (sourceAddress !== undefined) entries.push(addressEntry(sourceAddress));
  if (device !== undefined && device !== '') {
    entries.push({ key: 'device', value: device.slice(0, MAX_DEVICE_LENGTH), countedAs: undefined });
  }
  if (route !== undefined && route !== '') entries.push({ key: 'route', value: route, countedAs: undefined });
  return entries;
}

/** An IPv6 client has more addresses than anybody can count, so it is counted by its network. */
function addressEntry(sourceAddress: string): EdgeEntry {
  const network = clientNetwork(sourceAddress);
  const isAddress = !network.includes('/');
  return {
    key: 'remote_address',
    value: isAddress ? network : sourceAddress,
    countedAs: isAddress ? undefined : network,
  };
}

/** Collects the rules that match any combination of the remaining entries below a node, in any order. */
function collectMatches(
  node: RuleNode,
  path: readonly DescriptorEntry[],
  remaining: readonly EdgeEntry[],
  matches: EdgeMatch[],
): void {
  for (const entry of remaining) {
    const child = findChild(node, entry.key, entry.value);
    if (child === undefined) continue;
    const entries = [...path, countedEntry(node, entry)];
    const { rule } = child;
    if (rule !== undefined) {
      matches.push({ rule, subject: formatDescriptorSubject(EDGE_DOMAIN, countedEntries(rule, entries)) });
    }
    const others = remaining.filter((other) => other !== entry);
    collectMatches(child, entries, others, matches);
  }
}

function countedEntry(node: RuleNode, entry: EdgeEntry): DescriptorEntry {
  const { key, value, countedAs } = entry;
  if (countedAs === undefined || node.byKey?.get(key)?.exact?.has(value) === true) return entry;
  return { key, value: countedAs };
}
