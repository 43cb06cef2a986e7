import { formatDescriptorSubject } from '../../domain/counting/counter-subject.ts';
import type { Descriptor, DescriptorEntry } from '../../domain/descriptor.ts';
import type { Limit } from '../../domain/limits/limit.ts';
import { matchRule } from '../../domain/rules/match-rule.ts';
import { isPlanKey, PLANS_DOMAIN } from '../../domain/rules/reserved-domains.ts';
import { countedEntries, ruleMetricName } from '../../domain/rules/rule.ts';
import type { RuleBook } from '../../domain/rules/rule-book.ts';
import type { UnknownSettings } from '../check/configuration-fault.ts';
import type { NamedCharge } from '../named-charge.ts';
import type { Catalog, Receipt } from '../ports.ts';
import type { PreparedDecision } from '../prepared-decision.ts';
import { decodeReceipt } from '../receipts/codec.ts';
import type { ReceiptKeys } from '../receipts/receipt-keys.ts';
import { NOBODY } from '../usage.ts';
import { findIdentity } from './find-identity.ts';
import { findMisnamedKey, type MisnamedDescriptor } from './misnamed-descriptor.ts';
import { cachedOverride, unmatchedRule } from './override-cache.ts';
import { NONE_REPLACED, PreparedRateLimit, RejectedByCatalog } from './prepared-rate-limit.ts';
import type { RateLimitVerdict } from './rate-limit-verdict.ts';

/** Key of the only entry of a descriptor that redeems a receipt. The value is the encoded receipt. */
const RECEIPT_KEY = 'receipt';

export interface RateLimitOptions {
  /** Answer to descriptors of the domain `plans` whose keys are misspelled. undefined: `deny`. */
  readonly unknownSettings?: UnknownSettings | undefined;
  /** Limits that an override of a descriptor without a rule applies to. undefined: none. */
  readonly unmatchedLimits?: readonly Limit[] | undefined;
}

export interface RateLimitQuestion {
  readonly domain: string;
  readonly descriptors: readonly Descriptor[];
}

/**
 * Prepares a ShouldRateLimit request: all its descriptors are one decision. `now` is Unix time in ms.
 */
export function prepareRateLimit(
  question: RateLimitQuestion,
  rules: RuleBook,
  catalog: Catalog,
  now: number,
  { unknownSettings = 'deny', unmatchedLimits = [] }: RateLimitOptions = {},
): PreparedDecision<RateLimitVerdict> {
  if (catalog.isTooStale && needsCatalog(question)) return CATALOG_UNAVAILABLE;
  const context = { rules, catalog, now, unknownSettings, unmatchedLimits };
  let prepared = prepareDescriptors(question, context, NONE_REPLACED);
  // A rule may replace limits of a rule that was matched before it.
  if (prepared.replaced.size > 0) prepared = prepareDescriptors(question, context, prepared.replaced);
  // One rejected descriptor rejects the request, and a rejected request charges nothing.
  return prepared.hasRejected ? new RejectedByCatalog(prepared) : prepared;
}

interface PreparationContext {
  readonly rules: RuleBook;
  readonly catalog: Catalog;
  readonly now: number;
  readonly unknownSettings: UnknownSettings;
  readonly unmatchedLimits: readonly Limit[];
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
  context: PreparationContext,
  skipped: ReadonlySet<string>,
): PreparedRateLimit {
  const { catalog, now } = context;
  const prepared = new PreparedRateLimit(skipped, catalog);
  const isPlans = domain === PLANS_DOMAIN && catalog.isAbsent !== true;
  for (const descriptor of descriptors) {
    const { entries, hits, isRefund } = descriptor;
    const receipt = findReceipt(entries, catalog);
    // Without a receipt, nothing is refunded: Envoy reports the end of a stream for rejected requests as well.
    if (isRefund) prepared.addRedemption({ use: 'give_back', hits, receipt });
    else if (receipt !== undefined) prepared.addRedemption({ use: 'settle', hits, receipt });
    else if (isPlans && entries.some(isPlanIdentity)) addPlans(prepared, descriptor, catalog, now);
    else addRule(prepared, domain, descriptor, context, isPlans);
  }
  return prepared;
}

/** Adds the plans of every identity. One that must not pass rejects the descriptor, even next to others that may. */
function addPlans(prepared: PreparedRateLimit, { entries, hits }: Descriptor, catalog: Catalog, now: number): void {
  const route = findRoute(entries);
  const charges: NamedCharge[] = [];
  for (const entry of entries) {
    if (!isPlanIdentity(entry)) continue;
    const identity = findIdentity(entry.key, resourceId(entry.value), { hits, route, catalog, now });
    prepared.addUsage(identity.usage);
    if (identity.rejection !== undefined) {
      prepared.addRejected(identity.rejection);
      return;
    }
    charges.push(...identity.charges);
  }
  prepared.addPlans(charges);
}

/** `isPlans`: it is the domain of the plans, where misspelled keys are faults. */
function addRule(
  prepared: PreparedRateLimit,
  domain: string,
  descriptor: Descriptor,
  { rules, unknownSettings, unmatchedLimits }: PreparationContext,
  isPlans: boolean,
): void {
  const { entries, hits, limitOverride } = descriptor;
  const rule = matchRule(rules, domain, entries);
  if (limitOverride !== undefined && rules.has(domain)) {
    // As in envoyproxy/ratelimit, an override also applies where no rule matches, and to each value on its own.
    const overridden = rule ?? unmatchedRule(domain, entries, unmatchedLimits);
    const limit = cachedOverride(overridden, limitOverride);
    prepared.addOverride(overridden, limit, formatDescriptorSubject(domain, entries), hits);
  } else if (rule === undefined) {
    const misnamed = isPlans ? findMisnamedKey(entries) : undefined;
    if (misnamed === undefined) prepared.addUnmatched();
    else addMisnamed(prepared, misnamed, hits, unknownSettings);
  } else {
    const subject = formatDescriptorSubject(domain, countedEntries(rule, entries));
    prepared.addRule(rule, ruleMetricName(rule, domain, entries), subject, hits);
  }
}

function addMisnamed(
  prepared: PreparedRateLimit,
  misnamed: MisnamedDescriptor,
  hits: number,
  unknownSettings: UnknownSettings,
): void {
  const isDenied = unknownSettings === 'deny';
  prepared.addMisnamed(misnamed, isDenied);
  if (isDenied) prepared.addUsage({ ...NOBODY, hits });
}

/** Whether the descriptor refunds a grant, or has the form of one that settles it, with a readable receipt or not. */
export function mayBeRedemption({ entries, isRefund }: Descriptor): boolean {
  return isRefund || (entries.length === 1 && entries[0]?.key === RECEIPT_KEY);
}

/** Whether the descriptor refunds or settles a grant. No rule matches it then. */
export function isRedemption({ entries, isRefund }: Descriptor, keys: ReceiptKeys): boolean {
  return isRefund || findReceipt(entries, keys) !== undefined;
}

/** Reads the receipt of a descriptor with no other entries. Returns undefined if there is no readable one. */
function findReceipt(entries: readonly DescriptorEntry[], keys: ReceiptKeys): Receipt | undefined {
  const [entry] = entries;
  return entry?.key === RECEIPT_KEY && entries.length === 1 ? decodeReceipt(entry.value, keys) : undefined;
}

/** Whether the entry names what the domain `plans` charges. */
export function isPlanIdentity({ key }: DescriptorEntry): boolean {
  return isPlanKey(key);
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
