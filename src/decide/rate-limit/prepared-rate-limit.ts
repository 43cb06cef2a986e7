import type { CountedLimit, Limit } from '../../domain/limits/limit.ts';
import { type Rule, ruleLimitName } from '../../domain/rules/rule.ts';
import type { ConfigurationFault } from '../check/configuration-fault.ts';
import type { NamedCharge } from '../named-charge.ts';
import { type DecisionResult, StoreUnavailable, type Usage } from '../ports.ts';
import type { AdvisoryDecision, AdvisoryResult, PreparedDecision, ShadowDecision } from '../prepared-decision.ts';
import type { ReceiptKeys } from '../receipts/receipt-keys.ts';
import type { Redemption } from '../receipts/redeem.ts';
import { denyUncounted, findUncountedCharges, findUncountedQuotas } from './deny-uncounted.ts';
import { type IdentityRejection, MISNAMED_IDENTITY } from './identity-rejection.ts';
import type { MisnamedDescriptor } from './misnamed-descriptor.ts';
import { type RateLimitVerdict, UNCHARGED_VERDICT } from './rate-limit-verdict.ts';
import { type PreparedDescriptor, VerdictBuilder } from './verdict-builder.ts';

export const NONE_REPLACED: ReadonlySet<string> = new Set();

const NONE: readonly never[] = [];

/**
 * A request with a descriptor that names a key or an account that must not pass, or has a misspelled key. It charges
 * nothing.
 */
export class RejectedByCatalog implements PreparedDecision<RateLimitVerdict> {
  readonly charges = NONE;
  readonly usage: Usage | undefined;
  readonly #descriptors: readonly PreparedDescriptor[];
  readonly #configurationFault: ConfigurationFault | undefined;

  constructor({ descriptors, configurationFault, usage }: PreparedRateLimit) {
    this.usage = usage;
    this.#descriptors = descriptors;
    this.#configurationFault = configurationFault;
  }

  conclude(): RateLimitVerdict {
    const rejections = this.#descriptors.flatMap(({ rejection }) => rejection ?? []);
    const waits = rejections.map(({ retryAfterSeconds }) => retryAfterSeconds ?? Number.POSITIVE_INFINITY);
    const longestWait = Math.max(...waits);
    return {
      ...UNCHARGED_VERDICT,
      overLimit: true,
      descriptors: this.#descriptors.map(({ rejection }) => ({
        overLimit: rejection !== undefined,
        status: undefined,
        retryAfterSeconds: rejection?.retryAfterSeconds,
      })),
      retryAfterSeconds: Number.isFinite(longestWait) ? longestWait : undefined,
      rejectionCode: rejections[0]?.code,
      configurationFault: this.#configurationFault,
    };
  }
}

/** A rate limit request: the charges of all its descriptors in one list, and what is decided alongside them. */
export class PreparedRateLimit implements PreparedDecision<RateLimitVerdict> {
  readonly charges: NamedCharge[] = [];
  readonly descriptors: PreparedDescriptor[] = [];
  redemptions: readonly Redemption[] | undefined;
  shadows: readonly ShadowDecision[] | undefined;
  advisories: readonly AdvisoryDecision[] | undefined;
  usage: Usage | undefined;
  /** The first misspelled key of a descriptor. undefined: there is none. */
  configurationFault: ConfigurationFault | undefined;
  readonly #skipped: ReadonlySet<string>;
  readonly #receiptKeys: ReceiptKeys;
  #replaced = NONE_REPLACED;
  #hasRejected = false;

  /**
   * `skipped`: names of the limits of rules that are not charged, because another rule of the request replaces them.
   */
  constructor(skipped: ReadonlySet<string>, receiptKeys: ReceiptKeys) {
    this.#skipped = skipped;
    this.#receiptKeys = receiptKeys;
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

  /** Adds whose usage the request is. The first one counts. */
  addUsage(usage: Usage): void {
    this.usage ??= usage;
  }

  /** Adds a descriptor that names a key or an account that must not pass. */
  addRejected(rejection: IdentityRejection): void {
    this.#addDescriptor(this.charges.length, undefined, undefined, false, rejection);
    this.#hasRejected = true;
  }

  /** Adds a descriptor of the domain `plans` whose keys are misspelled. `isDenied`: the request must not pass. */
  addMisnamed({ key, description }: MisnamedDescriptor, isDenied: boolean): void {
    this.configurationFault ??= { name: `plans.${key}`.slice(0, 64), description, message: undefined, isDenied };
    if (isDenied) this.addRejected(MISNAMED_IDENTITY);
    else this.addUnmatched();
  }

  addRule(rule: Rule, metricName: string, subject: string, hits: number): void {
    const firstCharge = this.charges.length;
    if (rule.replaces !== undefined) this.#replaced = new Set([...this.#replaced, ...rule.replaces]);
    if (rule.isShadow === true) this.#addShadow(rule, subject, hits);
    else if (rule.isQuota === true || rule.reportsOnly !== undefined) this.#addQuota(rule, subject, hits);
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
    if (result instanceof StoreUnavailable) {
      return denyUncounted(this.descriptors, findUncountedCharges(this.descriptors, this.charges));
    }
    if (advisories.some(isUnavailableQuota)) return denyUncounted(this.descriptors, findUncountedQuotas(advisories));
    const builder = new VerdictBuilder(this.descriptors, this.charges, result, this.#receiptKeys, this.usage);
    if (this.configurationFault !== undefined) builder.addConfigurationFault(this.configurationFault);
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
    const quotas = advisories.filter(({ advisory }) => advisory.kind === 'quota' && advisory.reportsOnly === undefined);
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
    const { reportsOnly, isIndependent } = rule;
    const descriptorIndex = this.descriptors.length;
    if (charges.length > 0) this.#addAdvisory({ kind: 'quota', charges, descriptorIndex, reportsOnly, isIndependent });
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
    rejection?: IdentityRejection,
  ): void {
    const endCharge = this.charges.length;
    this.descriptors.push({ firstCharge, endCharge, rule, metricName, isUnlimited, rejection });
  }
}

function createCharge(rule: Rule, limit: CountedLimit, subject: string, hits: number): NamedCharge {
  return { subject, limit, hits, limitName: ruleLimitName(rule, limit.name), storeHandle: undefined };
}

function isUnlimitedLimit({ algorithm }: Limit): boolean {
  return algorithm === 'unlimited';
}

function isUnavailableQuota({ advisory, result }: AdvisoryResult): boolean {
  return advisory.kind === 'quota' && advisory.reportsOnly === undefined && result instanceof StoreUnavailable;
}
