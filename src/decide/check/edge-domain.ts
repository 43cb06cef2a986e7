import { EDGE_DOMAIN, MAX_DEVICE_LENGTH, REFUSED_KEY, REFUSED_STATUSES } from '../../domain/rules/reserved-domains.ts';
import { ruleLimitName } from '../../domain/rules/rule.ts';
import type { RuleBook, RuleNode } from '../../domain/rules/rule-book.ts';
import {
  addressEntry,
  type CombinationMatch,
  type MatchedEntry,
  matchCombinations,
  replacedLimits,
} from '../match-combinations.ts';
import type { NamedCharge } from '../named-charge.ts';
import type { Charge } from '../ports.ts';
import type { ShadowDecision } from '../prepared-decision.ts';
import { type CheckCharges, NO_CHECK_CHARGES, withoutSlots } from './check-charges.ts';
import type { CheckQuestion } from './check-question.ts';

/** Charges of the domain `edge`, and those of its rules in shadow mode. */
export interface EdgeCharges extends CheckCharges {
  /** undefined: no rule in shadow mode matches. */
  readonly shadows: readonly ShadowDecision[] | undefined;
}

const NO_EDGE_CHARGES: EdgeCharges = { ...NO_CHECK_CHARGES, shadows: undefined };

/**
 * Returns the charges that apply before the credential is known: one hit of every limit of the domain `edge` whose rule
 * matches. The entries are `remote_address`, `device` and `route`, as far as they are known. Each of them is a
 * descriptor of its own, and so is each combination of them, in whatever order the rules nest them. The rate limit
 * service uses the same counters, but an IPv6 client must be named by its network there. Limits of refused requests are
 * only peeked at: whether this one will be refused is not known yet.
 */
export function chargesAtEdge(question: CheckQuestion, rules: RuleBook): EdgeCharges {
  const root = rules.get(EDGE_DOMAIN);
  if (root === undefined) return NO_EDGE_CHARGES;
  const matches = matchCombinations(EDGE_DOMAIN, root, edgeEntries(question));
  const charges = chargesForMatches(matches, replacedLimits(matches));
  const peeks = REFUSED_STATUSES.flatMap((status) => chargesOfRefused(question, root, status).charges);
  if (peeks.length === 0) return charges;
  const asPeek = (charge: NamedCharge): NamedCharge => ({ ...charge, hits: 0, isPeek: true });
  return { ...charges, charges: [...charges.charges, ...peeks.map(asPeek)] };
}

/**
 * Returns the charges of a request that Check denies with a status, in addition to those of every request: none if the
 * status does not say that the request was refused for its sender.
 */
export function chargesOfRefusal(question: CheckQuestion, rules: RuleBook, status: number): EdgeCharges {
  const root = rules.get(EDGE_DOMAIN);
  const isRefusal = REFUSED_STATUSES.some((refused) => refused === status);
  return root === undefined || !isRefusal ? NO_EDGE_CHARGES : chargesOfRefused(question, root, status);
}

function chargesOfRefused(question: CheckQuestion, root: RuleNode, status: number): EdgeCharges {
  if (!hasRefusedKey(root)) return NO_EDGE_CHARGES;
  const refused = { key: REFUSED_KEY, value: String(status), countedAs: undefined };
  const matches = matchCombinations(EDGE_DOMAIN, root, [...edgeEntries(question), refused]);
  const ofRefused = matches.filter(({ keys }) => keys.includes(REFUSED_KEY));
  return chargesForMatches(ofRefused, replacedLimits(ofRefused));
}

/** By the top of the domain. A reload of the rules brings another one. */
const knownRefusedKeys = new WeakMap<RuleNode, boolean>();

/** Whether any rule of the domain counts refused requests. Most domains have none, and then it costs no look-ups. */
function hasRefusedKey(root: RuleNode): boolean {
  let isKnown = knownRefusedKeys.get(root);
  if (isKnown === undefined) {
    isKnown = containsRefusedKey(root);
    knownRefusedKeys.set(root, isKnown);
  }
  return isKnown;
}

function containsRefusedKey({ byKey }: RuleNode): boolean {
  if (byKey === undefined) return false;
  if (byKey.has(REFUSED_KEY)) return true;
  return [...byKey.values()].some(({ exact, anyValue }) => {
    return [...(exact?.values() ?? []), ...(anyValue === undefined ? [] : [anyValue])].some(containsRefusedKey);
  });
}

function chargesForMatches(matches: readonly CombinationMatch[], replaced: ReadonlySet<string>): EdgeCharges {
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
  return { ...withoutSlots(charges), shadows: shadows.length === 0 ? undefined : shadows };
}

/** Returns the entries of a request that rules of the domain `edge` can match. */
export function edgeEntries({ sourceAddress, device, route }: CheckQuestion): readonly MatchedEntry[] {
  const entries: MatchedEntry[] = [];
  if (sourceAddress !== undefined) entries.push(addressEntry(sourceAddress));
  if (device !== undefined && device !== '') {
    entries.push({ key: 'device', value: device.slice(0, MAX_DEVICE_LENGTH), countedAs: undefined });
  }
  if (route !== undefined && route !== '') entries.push({ key: 'route', value: route, countedAs: undefined });
  return entries;
}
