import { subjectOfEntries } from '../core/counter-key.ts';
import type { Descriptor, Entry } from '../core/descriptor.ts';
import { standingOf } from '../core/key-standing.ts';
import { countedEntries, matchRule, type Rule, type RuleBook, ruleLimitLabel } from '../core/rules.ts';
import { type LimitStatus, tighter } from '../core/verdict.ts';
import type { Consideration, ShadowDecision } from './decider.ts';
import { limitStatus } from './limit-statuses.ts';
import { type Cost, costOfAccount, costOfKey, type Usage } from './plan-charges.ts';
import { type Catalog, type Charge, type Outcome, type Receipt, type Source, StoreUnavailable } from './ports.ts';
import { readReceipt, writeReceipt } from './receipt-text.ts';
import { receiptOf } from './receipts.ts';

/** Its descriptors with the keys `api_key` and `account` are counted against the catalog's plans. */
const PLANS_DOMAIN = 'plans';
/** The only entry of a descriptor that gives back, with the text of the receipt. */
const RECEIPT = 'receipt';

export interface RateLimitQuestion {
  readonly domain: string;
  readonly descriptors: readonly Descriptor[];
}

/** What is told of one descriptor. */
export interface DescriptorVerdict {
  readonly overLimit: boolean;
  /** The limit that decided; undefined where none applies. */
  readonly status: LimitStatus | undefined;
}

export type RateLimitVerdict =
  | {
      readonly kind: 'rate_limit';
      readonly overLimit: boolean;
      readonly source: Source | 'rules';
      /** One for each descriptor, in their order. */
      readonly descriptors: readonly DescriptorVerdict[];
      /** With which slots that were granted are given back (receipt-text.ts). */
      readonly receipt: string | undefined;
    }
  | { readonly kind: 'unavailable' };

/**
 * Thinks one ShouldRateLimit request through: all its descriptors are one decision. `now` is Unix time in ms.
 */
export function considerRateLimit(
  question: RateLimitQuestion,
  rules: RuleBook,
  catalog: Catalog,
  now: number,
): Consideration<RateLimitVerdict> {
  const charged = new ChargedRateLimit(NOTHING_REPLACED);
  const considered = considerDescriptors(question, rules, catalog, now, charged);
  if (charged.replaced.size === 0) return considered;
  // A rule may replace one that was matched before it.
  return considerDescriptors(question, rules, catalog, now, new ChargedRateLimit(charged.replaced));
}

const NOTHING_REPLACED: ReadonlySet<string> = new Set();

function considerDescriptors(
  question: RateLimitQuestion,
  rules: RuleBook,
  catalog: Catalog,
  now: number,
  charged: ChargedRateLimit,
): Consideration<RateLimitVerdict> {
  let refused: boolean[] | undefined;
  for (let index = 0; index < question.descriptors.length; index++) {
    const descriptor = question.descriptors[index];
    if (descriptor === undefined || mayPass(question.domain, descriptor, rules, catalog, now, charged)) continue;
    refused ??= question.descriptors.map(() => false);
    refused[index] = true;
  }
  // One descriptor that may not pass refuses the request, and a refused request charges nothing.
  return refused === undefined ? charged : new RefusedByCatalog(refused);
}

/** Adds what the descriptor charges; false when it names a key or an account that may not pass at all. */
function mayPass(
  domain: string,
  descriptor: Descriptor,
  rules: RuleBook,
  catalog: Catalog,
  now: number,
  charged: ChargedRateLimit,
): boolean {
  const { entries, hits, givesBack } = descriptor;
  if (givesBack) return charged.addGiveBack(entries, hits);
  if (domain === PLANS_DOMAIN) {
    const identities = entries.filter(({ key }) => key === 'api_key' || key === 'account');
    const usage = { hits, route: routeOf(entries) };
    if (identities.length > 0) return mayPassByPlans(identities, usage, catalog, now, charged);
  }
  const rule = matchRule(rules, domain, entries);
  if (rule === undefined) return charged.endDescriptor();
  return charged.addRule(rule, subjectOfEntries(domain, countedEntries(rule, entries)), hits);
}

/** Each identity must be good, and each is charged: who names a revoked key beside a good account must not pass. */
function mayPassByPlans(
  identities: readonly Entry[],
  usage: Usage,
  catalog: Catalog,
  now: number,
  charged: ChargedRateLimit,
): boolean {
  for (const identity of identities) if (!addPlan(identity, usage, catalog, now, charged)) return false;
  return charged.endDescriptor();
}

function addPlan(identity: Entry, usage: Usage, catalog: Catalog, now: number, charged: ChargedRateLimit): boolean {
  const id = withoutCollection(identity.value);
  if (identity.key === 'api_key') {
    const key = catalog.key(id);
    if (key === undefined || standingOf(key, now) !== 'valid') return false;
    const plan = catalog.plan(key.planId);
    return plan !== undefined && charged.addPlan(costOfKey(key, plan, usage));
  }
  const account = catalog.account(id);
  const plan = account && catalog.plan(account.planId);
  return account !== undefined && plan !== undefined && charged.addPlan(costOfAccount(account, plan, usage));
}

/** By which limits of plans name routes. */
function routeOf(entries: readonly Entry[]): string | undefined {
  for (const { key, value } of entries) if (key === 'route') return value;
  return undefined;
}

/** Metadata carries `abc`, the admin API prints `apiKeys/abc`; whoever copies the latter means the same. */
function withoutCollection(value: string): string {
  return value.slice(value.indexOf('/') + 1);
}

class RefusedByCatalog implements Consideration<RateLimitVerdict> {
  readonly charges = [];
  readonly #refused: readonly boolean[];

  constructor(refused: readonly boolean[]) {
    this.#refused = refused;
  }

  judge(): RateLimitVerdict {
    const descriptors = this.#refused.map((overLimit) => ({ overLimit, status: undefined }));
    return { kind: 'rate_limit', overLimit: true, source: 'rules', descriptors, receipt: undefined };
  }
}

/** The charges of all descriptors in one list, each with the label of its limit, and where each descriptor's end. */
class ChargedRateLimit implements Consideration<RateLimitVerdict> {
  readonly charges: Charge[] = [];
  readonly givesBack: Receipt[] = [];
  shadows: readonly ShadowDecision[] | undefined;
  readonly #labels: string[] = [];
  readonly #ends: number[] = [];
  readonly #leftOut: ReadonlySet<string>;
  #replaced = NOTHING_REPLACED;

  /** Limits of rules with these names are left out. */
  constructor(leftOut: ReadonlySet<string>) {
    this.#leftOut = leftOut;
  }

  /** Names of the limits that rules which were added replace. */
  get replaced(): ReadonlySet<string> {
    return this.#replaced;
  }

  /** What was added since the last end belongs to one descriptor. */
  endDescriptor(): true {
    this.#ends.push(this.charges.length);
    return true;
  }

  addRule(rule: Rule, subject: string, hits: number): true {
    if (rule.replaces !== undefined) this.#replaced = new Set([...this.#replaced, ...rule.replaces]);
    if (rule.isShadow === true) return this.#addShadow(rule, subject, hits);
    for (const limit of rule.limits) {
      if (limit.algorithm === 'unlimited' || this.#leftOut.has(limit.name)) continue;
      this.#add({ subject, limit, hits }, ruleLimitLabel(rule, limit.name));
    }
    return this.endDescriptor();
  }

  /** A look at a shadow changes nothing and tells nobody. */
  #addShadow({ path, limits }: Rule, subject: string, hits: number): true {
    const charges = limits.flatMap((limit): Charge[] =>
      limit.algorithm === 'unlimited' || this.#leftOut.has(limit.name) ? [] : [{ subject, limit, hits }],
    );
    if (hits > 0 && charges.length > 0) this.shadows = [...(this.shadows ?? []), { rule: path, charges }];
    return this.endDescriptor();
  }

  /** Without an end: the descriptor may name another identity. */
  addPlan({ charges, labels }: Cost): true {
    this.charges.push(...charges);
    this.#labels.push(...labels);
    return true;
  }

  /**
   * Without a receipt nothing is given back: Envoy sends its descriptors at the end of a stream for requests that were
   * refused as well.
   */
  addGiveBack(entries: readonly Entry[], hits: number): true {
    const [entry] = entries;
    const receipt = entry?.key === RECEIPT && entries.length === 1 ? readReceipt(entry.value, hits) : undefined;
    if (receipt !== undefined) this.givesBack.push(receipt);
    return this.endDescriptor();
  }

  #add(charge: Charge, label: string): void {
    this.charges.push(charge);
    this.#labels.push(label);
  }

  judge(outcome: Outcome | StoreUnavailable | undefined): RateLimitVerdict {
    if (outcome instanceof StoreUnavailable) return { kind: 'unavailable' };
    const descriptors: DescriptorVerdict[] = [];
    let start = 0;
    for (const end of this.#ends) {
      const status = outcome === undefined ? undefined : this.#tightestOf(outcome, start, end);
      descriptors.push({ overLimit: status?.exceeded ?? false, status });
      start = end;
    }
    const overLimit = outcome !== undefined && !outcome.granted;
    const receipt = outcome === undefined || overLimit ? undefined : this.#receiptOf(outcome);
    return { kind: 'rate_limit', overLimit, source: outcome?.source ?? 'rules', descriptors, receipt };
  }

  /** Of the slots alone: what a rate has granted was asked for, however the request ends. */
  #receiptOf(outcome: Outcome): string | undefined {
    const isSlot = (charge: Charge | undefined) => charge?.limit.algorithm === 'concurrency' && charge.hits > 0;
    if (outcome.source === 'fail-open' || !this.charges.some(isSlot)) return undefined;
    const slots = outcome.charges.filter((_, place) => isSlot(this.charges[place]));
    return writeReceipt(receiptOf(crypto.randomUUID(), this.charges.filter(isSlot), { ...outcome, charges: slots }));
  }

  #tightestOf(outcome: Outcome, start: number, end: number): LimitStatus | undefined {
    let found: LimitStatus | undefined;
    for (let index = start; index < end; index++) {
      const charge = this.charges[index];
      const charged = outcome.charges[index];
      if (charge === undefined || charged === undefined) continue;
      found = tighter(found, limitStatus(this.#labels[index] ?? '', charge, charged));
    }
    return found;
  }
}
