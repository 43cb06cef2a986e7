import { formatDescriptorSubject } from '../../domain/counting/counter-subject.ts';
import { clientNetwork } from '../../domain/credentials/client-network.ts';
import type { DescriptorEntry } from '../../domain/descriptor.ts';
import type { LimitName } from '../../domain/limit-status.ts';
import {
  countedEntries,
  EDGE_DOMAIN,
  nodeBelow,
  type Rule,
  type RuleBook,
  type RuleNode,
  ruleLimitName,
} from '../../domain/rules/rule-book.ts';
import type { ShadowDecision } from '../decide-batch.ts';
import type { Charge } from '../ports.ts';
import type { CheckQuestion } from './check.ts';
import { type Cost, NOTHING } from './credential-charges.ts';

/** A client chooses it freely: longer ones would fill the memory of whoever counts. */
const LONGEST_DEVICE = 256;

/**
 * What a request costs whoever it is from: one hit of every limit of the domain `edge` whose rule fits. Its entries are
 * `remote_address`, `device` and `route`, as far as they are known. Each is a descriptor of its own, and so is each
 * combination of them, in whichever order the rules nest them. The counters are those of the rate limit service, which
 * of IPv6 has to be asked about the network.
 */
export function edgeCost(question: CheckQuestion, rules: RuleBook): EdgeCost {
  const root = rules.get(EDGE_DOMAIN);
  if (root === undefined) return NOTHING;
  const found: FoundRule[] = [];
  findBelow(root, [], edgeEntries(question), found);
  return costOf(found, replacedBy(found));
}

/** What a request costs, and what rules in shadow mode would say of it. */
export interface EdgeCost extends Cost {
  readonly shadows?: readonly ShadowDecision[];
}

/** A rule that fits, and what its counters count for. */
interface FoundRule {
  readonly rule: Rule;
  readonly subject: string;
}

const NONE_REPLACED: ReadonlySet<string> = new Set();

function replacedBy(found: readonly FoundRule[]): ReadonlySet<string> {
  if (found.every(({ rule }) => rule.replaces === undefined)) return NONE_REPLACED;
  return new Set(found.flatMap(({ rule }) => rule.replaces ?? []));
}

function costOf(found: readonly FoundRule[], replaced: ReadonlySet<string>): EdgeCost {
  const charges: Charge[] = [];
  const names: LimitName[] = [];
  const shadows: ShadowDecision[] = [];
  for (const { rule, subject } of found) {
    const ofShadow: Charge[] = [];
    for (const limit of rule.limits) {
      if (limit.algorithm === 'unlimited' || replaced.has(limit.name)) continue;
      if (rule.isShadow === true) {
        ofShadow.push({ subject, limit, hits: 1 });
        continue;
      }
      charges.push({ subject, limit, hits: 1 });
      names.push(ruleLimitName(rule, limit.name));
    }
    if (ofShadow.length > 0) shadows.push({ rule: rule.path, charges: ofShadow });
  }
  return shadows.length === 0 ? { charges, names } : { charges, names, shadows };
}

/** An entry as rules are looked for, and as it is counted unless a rule names the value itself; undefined: the same. */
export interface EdgeEntry extends DescriptorEntry {
  readonly countedAs: string | undefined;
}

/** What of a request the rules of the domain `edge` may be for. */
export function edgeEntries({ sourceAddress, device, route }: CheckQuestion): readonly EdgeEntry[] {
  const entries: EdgeEntry[] = [];
  if (sourceAddress !== undefined) entries.push(addressEntry(sourceAddress));
  if (device !== undefined && device !== '') {
    entries.push({ key: 'device', value: device.slice(0, LONGEST_DEVICE), countedAs: undefined });
  }
  if (route !== undefined && route !== '') entries.push({ key: 'route', value: route, countedAs: undefined });
  return entries;
}

/** A client of IPv6 has more addresses than could be counted, and is counted by their network. */
function addressEntry(sourceAddress: string): EdgeEntry {
  const network = clientNetwork(sourceAddress);
  const isAddress = !network.includes('/');
  return {
    key: 'remote_address',
    value: isAddress ? network : sourceAddress,
    countedAs: isAddress ? undefined : network,
  };
}

function findBelow(node: RuleNode, taken: readonly DescriptorEntry[], left: readonly EdgeEntry[], found: FoundRule[]): void {
  for (const entry of left) {
    const below = nodeBelow(node, entry.key, entry.value);
    if (below === undefined) continue;
    const entries = [...taken, countedEntry(node, entry)];
    const { rule } = below;
    if (rule !== undefined) {
      found.push({ rule, subject: formatDescriptorSubject(EDGE_DOMAIN, countedEntries(rule, entries)) });
    }
    const others = left.filter((other) => other !== entry);
    findBelow(below, entries, others, found);
  }
}

function countedEntry(node: RuleNode, entry: EdgeEntry): DescriptorEntry {
  const { key, value, countedAs } = entry;
  if (countedAs === undefined || node.byKey?.get(key)?.exact?.has(value) === true) return entry;
  return { key, value: countedAs };
}
