import type { CountedLimit, Limit } from '../../domain/limits/limit.ts';
import { type Rule, ruleLimitName } from '../../domain/rules/rule.ts';
import type { NamedCharge } from '../named-charge.ts';
import { type DecisionResult, StoreUnavailable } from '../ports.ts';
import type { AdvisoryDecision, AdvisoryResult, PreparedDecision, ShadowDecision } from '../prepared-decision.ts';
import type { Redemption } from '../receipts/redeem.ts';
import { type RateLimitVerdict, UNCHARGED_VERDICT } from './rate-limit-verdict.ts';
import { type PreparedDescriptor, VerdictBuilder } from './verdict-builder.ts';

export const NONE_REPLACED: ReadonlySet<string> = new Set();

const NONE: readonly never[] = [];
const COUNTERS_UNAVAILABLE: RateLimitVerdict = { kind: 'unavailable', dependency: 'counters' };

/** A request with a descriptor that names a key or an account that must not pass. It charges nothing. */
export class RejectedByCatalog implements PreparedDecision<RateLimitVerdict> {
  readonly charges = NONE;
  readonly #descriptors: readonly PreparedDescriptor[];

  constructor(descriptors: readonly PreparedDescriptor[]) {
    this.#descriptors = descriptors;
  }

  conclude(): RateLimitVerdict {
    const descriptors = this.#descriptors.map(({ isRejected }) => ({ overLimit: isRejected, status: undefined }));
    return { ...UNCHARGED_VERDICT, overLimit: true, descriptors };
  }
}

/** A rate limit request: the charges of all its descriptors in one list, and what is decided alongside them. */
export class PreparedRateLimit implements PreparedDecision<RateLimitVerdict> {
  readonly charges: NamedCharge[] = [];
  readonly descriptors: PreparedDescriptor[] = [];
  redemptions: readonly Redemption[] | undefined;
  shadows: readonly ShadowDecision[] | undefined;
  advisories: readonly AdvisoryDecision[] | undefined;
  readonly #skipped: ReadonlySet<string>;
  #replaced = NONE_REPLACED;
  #hasRejected = false;

  /**
   * `skipped`: names of the limits of rules that are not charged, because another rule of the request replaces them.
   */
  constructor(skipped: ReadonlySet<string>) {
    this.#skipped = skipped;
  }

  /** Names of the limits that the rules added so far replace. */
  get replaced(): ReadonlySet<string> {
    return this.#replaced;
  }

  /** Whether a descriptor names a key or an account that must not pass. */
  get hasRejected(): boolean {
    return this.#hasRejected;
  }

  /** Adds a descriptor that no rule matches. */
  addUnmatched(): void {
    this.#addDescriptor(this.charges.length, undefined, undefined, false);
  }

  /** Adds a descriptor that names a key or an account that must not pass. */
  addRejected(): void {
    this.#addDescriptor(this.charges.length, undefined, undefined, false, true);
    this.#hasRejected = true;
  }

  addRule(rule: Rule, metricName: string, subject: string, hits: number): void {
    const firstCharge = this.charges.length;
    if (rule.replaces !== undefined) this.#replaced = new Set([...this.#replaced, ...rule.replaces]);
    if (rule.isShadow === true) this.#addShadow(rule, subject, hits);
    else if (rule.isQuota === true) this.#addQuota(rule, subject, hits);
    else this.#addCharges(rule, subject, hits);
    if (rule.candidate !== undefined && hits > 0) {
      this.#addAdvisory({ kind: 'candidate', rule: rule.path, charges: [{ subject, limit: rule.candidate, hits }] });
    }
    const isUnlimited = this.charges.length === firstCharge && rule.limits.every(isUnlimitedLimit);
    this.#addDescriptor(firstCharge, rule, metricName, isUnlimited);
  }

  /**
   * Adds a descriptor with a limit of its own. That limit is never in shadow or quota mode, nor is it ever replaced.
   */
  addOverride(rule: Rule, limit: CountedLimit, subject: string, hits: number): void {
    const firstCharge = this.charges.length;
    const limitName = { rule: rule.path, label: rule.path };
    this.charges.push({ subject, limit, hits, limitName, storeHandle: undefined });
    this.#addDescriptor(firstCharge, rule, rule.path, false);
  }

  /** Adds a descriptor that is charged the limits of plans. Without charges, the plans leave it unlimited. */
  addPlans(charges: readonly NamedCharge[]): void {
    const firstCharge = this.charges.length;
    this.charges.push(...charges);
    this.#addDescriptor(firstCharge, undefined, undefined, charges.length === 0);
  }

  addRedemption(redemption: Redemption): void {
    this.redemptions = [...(this.redemptions ?? NONE), redemption];
    this.addUnmatched();
  }

  conclude(result: DecisionResult | undefined, advisories: readonly AdvisoryResult[] = NONE): RateLimitVerdict {
    if (result instanceof StoreUnavailable || advisories.some(isUnavailableQuota)) return COUNTERS_UNAVAILABLE;
    const builder = new VerdictBuilder(this.descriptors, this.charges, result);
    if (advisories.length === 0) return builder.build(false);
    for (const advisory of advisories) builder.addAdvisory(advisory);
    return builder.build(this.isRejectedByAdvisories(advisories));
  }

  /**
   * If there are several quotas, all of them must be used up: the request passes on any that is left. A quota is only
   * unavailable if its limit says so: else this node decides it on its own, or nobody does.
   */
  isRejectedByAdvisories(advisories: readonly AdvisoryResult[]): boolean {
    if (advisories.length === 0) return false;
    if (advisories.some(isUnavailableQuota)) return true;
    const quotas = advisories.filter(({ advisory }) => advisory.kind === 'quota');
    return quotas.length > 0 && quotas.every(({ result }) => !(result instanceof StoreUnavailable) && !result.granted);
  }

  #addCharges(rule: Rule, subject: string, hits: number): void {
    for (const limit of rule.limits) {
      if (this.#isCharged(limit)) this.charges.push(createCharge(rule, limit, subject, hits));
    }
  }

  /** A shadow without hits changes nothing and is not reported. */
  #addShadow(rule: Rule, subject: string, hits: number): void {
    if (hits === 0) return;
    const charges = this.#chargedLimits(rule).map((limit) => ({ subject, limit, hits }));
    if (charges.length > 0) this.shadows = [...(this.shadows ?? NONE), { rule: rule.path, charges }];
  }

  #addQuota(rule: Rule, subject: string, hits: number): void {
    const charges = this.#chargedLimits(rule).map((limit) => createCharge(rule, limit, subject, hits));
    if (charges.length > 0) this.#addAdvisory({ kind: 'quota', charges, descriptorIndex: this.descriptors.length });
  }

  #addAdvisory(advisory: AdvisoryDecision): void {
    this.advisories = [...(this.advisories ?? NONE), advisory];
  }

  #chargedLimits({ limits }: Rule): readonly CountedLimit[] {
    return limits.filter((limit) => this.#isCharged(limit));
  }

  #isCharged(limit: Limit): limit is CountedLimit {
    return !isUnlimitedLimit(limit) && !this.#skipped.has(limit.name);
  }

  /** Adds a descriptor with the charges from index `firstCharge` on. */
  #addDescriptor(
    firstCharge: number,
    rule: Rule | undefined,
    metricName: string | undefined,
    isUnlimited: boolean,
    isRejected = false,
  ): void {
    const endCharge = this.charges.length;
    this.descriptors.push({ firstCharge, endCharge, rule, metricName, isUnlimited, isRejected });
  }
}

function createCharge(rule: Rule, limit: CountedLimit, subject: string, hits: number): NamedCharge {
  return { subject, limit, hits, limitName: ruleLimitName(rule, limit.name), storeHandle: undefined };
}

function isUnlimitedLimit({ algorithm }: Limit): boolean {
  return algorithm === 'unlimited';
}

function isUnavailableQuota({ advisory, result }: AdvisoryResult): boolean {
  return advisory.kind === 'quota' && result instanceof StoreUnavailable;
}
