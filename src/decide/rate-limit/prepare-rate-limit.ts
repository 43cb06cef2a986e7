import { formatDescriptorSubject } from '../../domain/counting/counter-subject.ts';
import { keyStatus } from '../../domain/credentials/api-key.ts';
import type { Descriptor, DescriptorEntry } from '../../domain/descriptor.ts';
import { matchRule } from '../../domain/rules/match-rule.ts';
import { countedEntries, ruleMetricName } from '../../domain/rules/rule.ts';
import type { RuleBook } from '../../domain/rules/rule-book.ts';
import { chargesForAccount, chargesForKey } from '../check/credential-charges.ts';
import type { NamedCharge } from '../named-charge.ts';
import type { Catalog, Receipt } from '../ports.ts';
import type { PreparedDecision } from '../prepared-decision.ts';
import { decodeReceipt } from '../receipts/codec.ts';
import { cachedOverride, unmatchedRule } from './override-cache.ts';
import { NONE_REPLACED, PreparedRateLimit, RejectedByCatalog } from './prepared-rate-limit.ts';
import type { RateLimitVerdict } from './rate-limit-verdict.ts';

/** The domain whose descriptors with the keys `api_key` and `account` are charged the limits of plans. */
export const PLANS_DOMAIN = 'plans';
/** Key of the only entry of a descriptor that redeems a receipt. The value is the encoded receipt. */
const RECEIPT_KEY = 'receipt';

export interface RateLimitQuestion {
  readonly domain: string;
  readonly descriptors: readonly Descriptor[];
}

/** Prepares a ShouldRateLimit request: all its descriptors are one decision. `now` is Unix time in ms. */
export function prepareRateLimit(
  question: RateLimitQuestion,
  rules: RuleBook,
  catalog: Catalog,
  now: number,
): PreparedDecision<RateLimitVerdict> {
  if (catalog.isTooStale && needsCatalog(question)) return CATALOG_UNAVAILABLE;
  let prepared = prepareDescriptors(question, rules, catalog, now, NONE_REPLACED);
  // A rule may replace limits of a rule that was matched before it.
  if (prepared.replaced.size > 0) prepared = prepareDescriptors(question, rules, catalog, now, prepared.replaced);
  // One rejected descriptor rejects the request, and a rejected request charges nothing.
  return prepared.hasRejected ? new RejectedByCatalog(prepared.descriptors) : prepared;
}

const CATALOG_UNAVAILABLE: PreparedDecision<RateLimitVerdict> = {
  charges: [],
  conclude: () => ({ kind: 'unavailable', dependency: 'catalog' }),
};

function needsCatalog({ domain, descriptors }: RateLimitQuestion): boolean {
  if (domain !== PLANS_DOMAIN) return false;
  return descriptors.some(({ entries, isRefund }) => !isRefund && entries.some(isPlanIdentity));
}

/** `skipped`: names of the limits of rules that are not charged. */
function prepareDescriptors(
  { domain, descriptors }: RateLimitQuestion,
  rules: RuleBook,
  catalog: Catalog,
  now: number,
  skipped: ReadonlySet<string>,
): PreparedRateLimit {
  const prepared = new PreparedRateLimit(skipped);
  for (const descriptor of descriptors) {
    const { entries, hits, isRefund } = descriptor;
    const receipt = findReceipt(entries);
    // Without a receipt, nothing is refunded: Envoy reports the end of a stream for rejected requests as well.
    if (isRefund) prepared.addRedemption({ use: 'give_back', hits, receipt });
    else if (receipt !== undefined) prepared.addRedemption({ use: 'settle', hits, receipt });
    else if (domain === PLANS_DOMAIN && entries.some(isPlanIdentity)) addPlans(prepared, descriptor, catalog, now);
    else addRule(prepared, domain, descriptor, rules);
  }
  return prepared;
}

/** Adds the plans of every identity. One that must not pass rejects the descriptor, even next to others that may. */
function addPlans(prepared: PreparedRateLimit, { entries, hits }: Descriptor, catalog: Catalog, now: number): void {
  const route = findRoute(entries);
  const charges: NamedCharge[] = [];
  for (const entry of entries) {
    if (!isPlanIdentity(entry)) continue;
    const identityCharges = chargesForIdentity(entry, hits, route, catalog, now);
    if (identityCharges === undefined) {
      prepared.addRejected();
      return;
    }
    charges.push(...identityCharges);
  }
  prepared.addPlans(charges);
}

/** Returns undefined if the key or account is unknown or must not pass. */
function chargesForIdentity(
  { key: kind, value }: DescriptorEntry,
  hits: number,
  route: string | undefined,
  catalog: Catalog,
  now: number,
): readonly NamedCharge[] | undefined {
  const id = resourceId(value);
  if (kind === 'api_key') {
    const key = catalog.key(id);
    if (key === undefined || keyStatus(key, now) !== 'valid') return undefined;
    const plan = catalog.plan(key.planId);
    return plan && chargesForKey(key, plan, hits, route);
  }
  const account = catalog.account(id);
  const plan = account && catalog.plan(account.planId);
  return account && plan && chargesForAccount(account, plan, hits, route);
}

function addRule(prepared: PreparedRateLimit, domain: string, descriptor: Descriptor, rules: RuleBook): void {
  const { entries, hits, limitOverride } = descriptor;
  const rule = matchRule(rules, domain, entries);
  if (limitOverride !== undefined && rules.has(domain)) {
    // As in envoyproxy/ratelimit, an override also applies where no rule matches, and to each value on its own.
    const overridden = rule ?? unmatchedRule(domain, entries);
    const limit = cachedOverride(overridden, limitOverride);
    prepared.addOverride(overridden, limit, formatDescriptorSubject(domain, entries), hits);
  } else if (rule === undefined) prepared.addUnmatched();
  else {
    const subject = formatDescriptorSubject(domain, countedEntries(rule, entries));
    prepared.addRule(rule, ruleMetricName(rule, domain, entries), subject, hits);
  }
}

/** Whether the descriptor refunds or settles a grant. No rule matches it then. */
export function isRedemption({ entries, isRefund }: Descriptor): boolean {
  return isRefund || findReceipt(entries) !== undefined;
}

/** Reads the receipt of a descriptor with no other entries. Returns undefined if there is no readable one. */
function findReceipt(entries: readonly DescriptorEntry[]): Receipt | undefined {
  const [entry] = entries;
  return entry?.key === RECEIPT_KEY && entries.length === 1 ? decodeReceipt(entry.value) : undefined;
}

/** Whether the entry names what the domain `plans` charges. */
export function isPlanIdentity({ key }: DescriptorEntry): boolean {
  return key === 'api_key' || key === 'account';
}

/** Finds the route that the limits of plans may name. */
function findRoute(entries: readonly DescriptorEntry[]): string | undefined {
  for (const { key, value } of entries) if (key === 'route') return value;
  return undefined;
}

/** Strips the collection of a resource name: metadata carries `abc`, the admin API prints `apiKeys/abc`. */
export function resourceId(value: string): string {
  return value.slice(value.indexOf('/') + 1);
}
