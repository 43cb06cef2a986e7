import { subjectOf } from '../core/counter-key.ts';
import type { Descriptor, Entry } from '../core/descriptor.ts';
import { matchRule, type RuleBook } from '../core/rules.ts';
import { type LimitStatus, tightest } from '../core/verdict.ts';
import type { Consideration } from './decider.ts';
import { limitStatus } from './limit-statuses.ts';
import { chargesOfAccount, chargesOfKey, planLimitLabel } from './plan-charges.ts';
import { type Catalog, type Charge, type Outcome, type Source, StoreUnavailable } from './ports.ts';

/** Its descriptors with the keys `api_key` and `account` are counted against the catalog's plans. */
const PLANS_DOMAIN = 'plans';

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
    }
  | { readonly kind: 'unavailable' };

/** The charges of one descriptor, with the label of each limit. */
interface DescriptorCharges {
  readonly charges: readonly Charge[];
  readonly labels: readonly string[];
}

const NOTHING_TO_CHARGE: DescriptorCharges = { charges: [], labels: [] };

/** Thinks one ShouldRateLimit request through: all its descriptors are one decision. */
export function considerRateLimit(
  question: RateLimitQuestion,
  rules: RuleBook,
  catalog: Catalog,
  now: number,
): Consideration<RateLimitVerdict> {
  const found = question.descriptors.map((descriptor) =>
    descriptor.givesBack ? NOTHING_TO_CHARGE : chargesOfDescriptor(question.domain, descriptor, rules, catalog, now),
  );
  // One descriptor that may not pass refuses the request, and a refused request charges nothing.
  if (found.includes(undefined)) return new RefusedByCatalog(found.map((each) => each === undefined));
  return new ChargedRateLimit(found.filter((each) => each !== undefined));
}

/** undefined: the descriptor names a key or an account that may not pass at all. */
function chargesOfDescriptor(
  domain: string,
  descriptor: Descriptor,
  rules: RuleBook,
  catalog: Catalog,
  now: number,
): DescriptorCharges | undefined {
  if (domain === PLANS_DOMAIN) {
    const identity = descriptor.entries.find(({ key }) => key === 'api_key' || key === 'account');
    if (identity !== undefined) return chargesOfPlan(identity, descriptor.hits, catalog, now);
  }
  const rule = matchRule(rules, domain, descriptor.entries);
  if (rule === undefined) return NOTHING_TO_CHARGE;
  const subject = subjectOf('rule', domain, ...descriptor.entries.flatMap(({ key, value }) => [key, value]));
  return {
    charges: rule.limits.map((limit) => ({ subject, limit, hits: descriptor.hits })),
    labels: rule.limits.map(() => rule.path),
  };
}

function chargesOfPlan(identity: Entry, hits: number, catalog: Catalog, now: number): DescriptorCharges | undefined {
  const id = withoutCollection(identity.value);
  if (identity.key === 'api_key') {
    const key = catalog.key(id);
    if (key === undefined || key.disabled || (key.expiresAt !== undefined && key.expiresAt <= now)) return undefined;
    const plan = catalog.plan(key.planId);
    return plan && { charges: chargesOfKey(key, plan, hits), labels: labelsOf(plan) };
  }
  const account = catalog.account(id);
  const plan = account && catalog.plan(account.planId);
  return plan && { charges: chargesOfAccount(account, plan, hits), labels: labelsOf(plan) };
}

/** Metadata carries `abc`, the admin API prints `apiKeys/abc`; whoever copies the latter means the same. */
function withoutCollection(value: string): string {
  return value.slice(value.indexOf('/') + 1);
}

function labelsOf(plan: { readonly id: string; readonly limits: readonly { readonly name: string }[] }) {
  return plan.limits.map(({ name }) => planLimitLabel(plan.id, name));
}

class RefusedByCatalog implements Consideration<RateLimitVerdict> {
  readonly charges = [];
  readonly #refused: readonly boolean[];

  constructor(refused: readonly boolean[]) {
    this.#refused = refused;
  }

  judge(): RateLimitVerdict {
    const descriptors = this.#refused.map((overLimit) => ({ overLimit, status: undefined }));
    return { kind: 'rate_limit', overLimit: true, source: 'rules', descriptors };
  }
}

class ChargedRateLimit implements Consideration<RateLimitVerdict> {
  readonly charges: readonly Charge[];
  readonly #found: readonly DescriptorCharges[];

  constructor(found: readonly DescriptorCharges[]) {
    this.#found = found;
    this.charges = found.flatMap(({ charges }) => charges);
  }

  judge(outcome: Outcome | StoreUnavailable | undefined): RateLimitVerdict {
    if (outcome instanceof StoreUnavailable) return { kind: 'unavailable' };
    let next = 0;
    const descriptors = this.#found.map(({ charges, labels }) => {
      const statuses: LimitStatus[] = [];
      for (const [index, charge] of charges.entries()) {
        const charged = outcome?.charges[next++];
        if (charged !== undefined) statuses.push(limitStatus(labels[index] ?? '', charge, charged));
      }
      const status = tightest(statuses);
      return { overLimit: status?.exceeded ?? false, status };
    });
    const overLimit = outcome !== undefined && !outcome.granted;
    return { kind: 'rate_limit', overLimit, source: outcome?.source ?? 'rules', descriptors };
  }
}
