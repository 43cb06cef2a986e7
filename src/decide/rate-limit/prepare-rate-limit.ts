import { formatDescriptorSubject } from '../../domain/counting/counter-subject.ts';
import { keyStatus } from '../../domain/credentials/key-status.ts';
import type { Descriptor, DescriptorEntry } from '../../domain/descriptor.ts';
import { countedEntries, matchRule, metricName, type RuleBook } from '../../domain/rules/rule-book.ts';
import { type Cost, costForAccount, costForKey, type Usage } from '../check/credential-charges.ts';
import type { PreparedDecision } from '../decide-batch.ts';
import type { Catalog, Receipt } from '../ports.ts';
import { decodeReceipt } from '../receipts/codec.ts';
import { cachedOverride, unmatchedRule } from './override-cache.ts';
import { NOTHING_REPLACED, PreparedRateLimit, RejectedByCatalog } from './prepared-rate-limit.ts';
import type { RateLimitVerdict } from './rate-limit-verdict.ts';

/** Its descriptors with the keys `api_key` and `account` are counted against the catalog's plans. */
export const PLANS_DOMAIN = 'plans';
/** The only entry of a descriptor that gives back or settles, with the text of the receipt. */
const RECEIPT = 'receipt';

export interface RateLimitQuestion {
  readonly domain: string;
  readonly descriptors: readonly Descriptor[];
}

/**
 * Thinks one ShouldRateLimit request through: all its descriptors are one decision. `now` is Unix time in ms.
 */
export function prepareRateLimit(
  question: RateLimitQuestion,
  rules: RuleBook,
  catalog: Catalog,
  now: number,
): PreparedDecision<RateLimitVerdict> {
  if (catalog.isTooStale && asksCatalog(question)) return UNTOLD;
  const charged = new PreparedRateLimit(NOTHING_REPLACED);
  const considered = considerDescriptors(question, rules, catalog, now, charged);
  if (charged.replaced.size === 0) return considered;
  // A rule may replace one that was matched before it.
  return considerDescriptors(question, rules, catalog, now, new PreparedRateLimit(charged.replaced));
}

/** What the catalog says is not known any more. */
const UNTOLD: PreparedDecision<RateLimitVerdict> = {
  charges: [],
  names: [],
  conclude: () => ({ kind: 'unavailable', away: 'catalog' }),
};

function asksCatalog({ domain, descriptors }: RateLimitQuestion): boolean {
  if (domain !== PLANS_DOMAIN) return false;
  return descriptors.some(({ entries, isRefund }) => !isRefund && entries.some(isIdentity));
}

function considerDescriptors(
  question: RateLimitQuestion,
  rules: RuleBook,
  catalog: Catalog,
  now: number,
  charged: PreparedRateLimit,
): PreparedDecision<RateLimitVerdict> {
  let refused: boolean[] | undefined;
  for (let index = 0; index < question.descriptors.length; index++) {
    const descriptor = question.descriptors[index];
    if (descriptor === undefined || mayPass(question.domain, descriptor, rules, catalog, now, charged)) continue;
    refused ??= question.descriptors.map(() => false);
    refused[index] = true;
  }
  // One descriptor that may not pass refuses the request, and a refused request charges nothing.
  return refused === undefined ? charged : new RejectedByCatalog(refused);
}

/** Adds what the descriptor charges; false when it names a key or an account that may not pass at all. */
function mayPass(
  domain: string,
  descriptor: Descriptor,
  rules: RuleBook,
  catalog: Catalog,
  now: number,
  charged: PreparedRateLimit,
): boolean {
  const { entries, hits, isRefund } = descriptor;
  const receipt = receiptIn(entries);
  // Without a receipt nothing is given back: Envoy sends the end of a stream for requests that were refused as well.
  if (isRefund) return charged.addRedemption({ use: 'give_back', hits, receipt });
  if (receipt !== undefined) return charged.addRedemption({ use: 'settle', hits, receipt });
  if (domain === PLANS_DOMAIN) {
    const identities = entries.filter(isIdentity);
    const usage = { hits, route: routeOf(entries) };
    if (identities.length > 0) return mayPassByPlans(identities, usage, catalog, now, charged);
  }
  const rule = matchRule(rules, domain, entries);
  if (descriptor.limitOverride !== undefined && rules.has(domain)) {
    // As in envoyproxy/ratelimit also where no rule is for it, and each value for itself.
    const replaced = rule ?? unmatchedRule(domain, entries);
    return charged.addOverride(
      replaced,
      cachedOverride(replaced, descriptor.limitOverride),
      formatDescriptorSubject(domain, entries),
      hits,
    );
  }
  if (rule === undefined) return charged.addNothing();
  const subject = formatDescriptorSubject(domain, countedEntries(rule, entries));
  return charged.addRule(rule, metricName(rule, domain, entries), subject, hits);
}

/** Whether it gives back or settles what was granted before; no rule is for it then. */
export function isRedemption({ entries, isRefund }: Descriptor): boolean {
  return isRefund || receiptIn(entries) !== undefined;
}

/** Of a descriptor whose only entry is one. */
function receiptIn(entries: readonly DescriptorEntry[]): Receipt | undefined {
  const [entry] = entries;
  return entry?.key === RECEIPT && entries.length === 1 ? decodeReceipt(entry.value) : undefined;
}

/** Whether the domain of plans counts by it. */
export function isIdentity({ key }: DescriptorEntry): boolean {
  return key === 'api_key' || key === 'account';
}

/** Each identity must be good, and each is charged: who names a revoked key beside a good account must not pass. */
function mayPassByPlans(
  identities: readonly DescriptorEntry[],
  usage: Usage,
  catalog: Catalog,
  now: number,
  charged: PreparedRateLimit,
): boolean {
  const costs: Cost[] = [];
  for (const identity of identities) {
    const cost = costOfIdentity(identity, usage, catalog, now);
    if (cost === undefined) return false;
    costs.push(cost);
  }
  return charged.addPlans(costs);
}

function costOfIdentity(identity: DescriptorEntry, usage: Usage, catalog: Catalog, now: number): Cost | undefined {
  const id = withoutCollection(identity.value);
  if (identity.key === 'api_key') {
    const key = catalog.key(id);
    if (key === undefined || keyStatus(key, now) !== 'valid') return undefined;
    const plan = catalog.plan(key.planId);
    return plan && costForKey(key, plan, usage);
  }
  const account = catalog.account(id);
  const plan = account && catalog.plan(account.planId);
  return account && plan && costForAccount(account, plan, usage);
}

/** By which limits of plans name routes. */
function routeOf(entries: readonly DescriptorEntry[]): string | undefined {
  for (const { key, value } of entries) if (key === 'route') return value;
  return undefined;
}

/** Metadata carries `abc`, the admin API prints `apiKeys/abc`; whoever copies the latter means the same. */
export function withoutCollection(value: string): string {
  return value.slice(value.indexOf('/') + 1);
}
