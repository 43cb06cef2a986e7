import { subjectOfEntries } from '../core/counter-key.ts';
import type { Entry } from '../core/descriptor.ts';
import { countedEntries, nodeBelow, type RuleBook, type RuleNode, ruleLimitName } from '../core/rules.ts';
import type { LimitName } from '../core/verdict.ts';
import type { CheckQuestion } from './check.ts';
import { type Cost, NOTHING } from './plan-charges.ts';
import type { Charge } from './ports.ts';

export const EDGE_DOMAIN = 'edge';

/** A client chooses it freely: longer ones would fill the memory of whoever counts. */
const LONGEST_DEVICE = 256;

/**
 * What a request costs whoever it is from: one hit of every limit of the domain `edge` whose rule fits. Its entries are
 * `remote_address`, `device` and `route`, as far as they are known. Each is a descriptor of its own, and so is each
 * combination of them, in whichever order the rules nest them. The counters are those of the rate limit service.
 */
export function costAtEdge(question: CheckQuestion, rules: RuleBook): Cost {
  const root = rules.get(EDGE_DOMAIN);
  if (root === undefined) return NOTHING;
  const charges: Charge[] = [];
  const names: LimitName[] = [];
  addBelow(root, [], edgeEntries(question), { charges, names });
  return { charges, names };
}

/** What of a request the rules of the domain `edge` may be for. */
export function edgeEntries({ sourceAddress, device, route }: CheckQuestion): readonly Entry[] {
  const entries: Entry[] = [];
  if (sourceAddress !== undefined) entries.push({ key: 'remote_address', value: withoutMapping(sourceAddress) });
  if (device !== undefined && device !== '') entries.push({ key: 'device', value: device.slice(0, LONGEST_DEVICE) });
  if (route !== undefined && route !== '') entries.push({ key: 'route', value: route });
  return entries;
}

/** One client is one address, whether it comes by a socket of IPv4 or of IPv6 (`::ffff:192.0.2.1`). */
function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

function addBelow(
  node: RuleNode,
  taken: readonly Entry[],
  left: readonly Entry[],
  into: { readonly charges: Charge[]; readonly names: LimitName[] },
): void {
  for (const entry of left) {
    const below = nodeBelow(node, entry.key, entry.value);
    if (below === undefined) continue;
    const entries = [...taken, entry];
    const { rule } = below;
    for (const limit of rule?.limits ?? []) {
      if (rule === undefined || limit.algorithm === 'unlimited') continue;
      into.charges.push({ subject: subjectOfEntries(EDGE_DOMAIN, countedEntries(rule, entries)), limit, hits: 1 });
      into.names.push(ruleLimitName(rule, limit.name));
    }
    const others = left.filter((other) => other !== entry);
    addBelow(below, entries, others, into);
  }
}
