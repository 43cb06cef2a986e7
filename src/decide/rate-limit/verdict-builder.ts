import { elementAt } from '../../collections/element-at.ts';
import { combinedRetryAfterSeconds, type LimitStatus, tighterStatus } from '../../domain/limits/limit-status.ts';
import type { Metadata } from '../../domain/metadata.ts';
import type { Rule } from '../../domain/rules/rule.ts';
import type { ConfigurationFault } from '../check/configuration-fault.ts';
import { isReported, limitStatus, type NamedCharge } from '../named-charge.ts';
import { type Outcome, type Source, StoreUnavailable, type Usage } from '../ports.ts';
import type { AdvisoryResult, QuotaDecision } from '../prepared-decision.ts';
import { encodeReceipt } from '../receipts/codec.ts';
import { createReceipt, isRedeemable } from '../receipts/receipt.ts';
import type { ReceiptKeys } from '../receipts/receipt-keys.ts';
import { createReceiptId } from '../receipts/receipt-usage.ts';
import { isForgottenUsage } from './forgotten-usage.ts';
import type { IdentityRejection } from './identity-rejection.ts';
import {
  type CandidateVerdict,
  type DescriptorVerdict,
  type RateLimitVerdict,
  UNCHARGED_VERDICT,
} from './rate-limit-verdict.ts';

/** A descriptor and its part of the request's charges. */
export interface PreparedDescriptor {
  /** Index of its first charge. The charges of a request are one list, as are their outcomes. */
  readonly firstCharge: number;
  /** Index after its last charge. */
  readonly endCharge: number;
  /** undefined: no rule matches. */
  readonly rule: Rule | undefined;
  readonly metricName: string | undefined;
  /** A rule or plan leaves it unlimited. */
  readonly isUnlimited: boolean;
  /** Why it rejects the request before anything is charged. undefined: it does not. */
  readonly rejection: IdentityRejection | undefined;
}

const NONE: readonly never[] = [];

/** Builds the verdict on one rate limit request from the outcome of its charges and advisories. */
export class VerdictBuilder {
  readonly #prepared: readonly PreparedDescriptor[];
  readonly #charges: readonly NamedCharge[];
  readonly #receiptKeys: ReceiptKeys;
  readonly #usage: Usage | undefined;
  readonly #outcome: Outcome | undefined;
  readonly #limits: LimitStatus[] = [];
  readonly #descriptors: DescriptorVerdict[] = [];
  #deciding: LimitStatus | undefined;
  #source: Source | undefined;
  #candidates: readonly CandidateVerdict[] = NONE;
  #forgottenUsage: readonly string[] | undefined;
  #configurationFault: ConfigurationFault | undefined;

  /** `outcome` is that of `charges`; undefined: there was nothing to charge. A receipt carries `usage`. */
  constructor(
    prepared: readonly PreparedDescriptor[],
    charges: readonly NamedCharge[],
    outcome: Outcome | undefined,
    receiptKeys: ReceiptKeys,
    usage: Usage | undefined,
  ) {
    this.#prepared = prepared;
    this.#charges = charges;
    this.#receiptKeys = receiptKeys;
    this.#usage = usage;
    this.#outcome = outcome;
    this.#source = outcome?.source;
    for (const descriptor of prepared) this.#addDescriptor(descriptor);
  }

  /** Adds a fault that the request passes with. */
  addConfigurationFault(fault: ConfigurationFault): void {
    this.#configurationFault = fault;
  }

  addAdvisory({ advisory, result }: AdvisoryResult): void {
    if (advisory.kind === 'candidate') {
      const verdict = result instanceof StoreUnavailable ? 'unavailable' : result.granted ? 'ok' : 'would_deny';
      this.#candidates = [...this.#candidates, { rule: advisory.rule, verdict }];
    } else if (!(result instanceof StoreUnavailable)) this.#addQuota(advisory, result);
  }

  /** `isRejectedByQuotas`: the quotas reject a request that its charges let in. */
  build(isRejectedByQuotas: boolean): RateLimitVerdict {
    const overLimit = isRejectedByQuotas || this.#outcome?.granted === false;
    if (this.#source === undefined && this.#candidates.length === 0 && this.#prepared.every(hasNoMetadata)) {
      return { ...UNCHARGED_VERDICT, descriptors: this.#descriptors, configurationFault: this.#configurationFault };
    }
    return {
      kind: 'rate_limit',
      overLimit,
      source: this.#source ?? 'rules',
      descriptors: this.#descriptors,
      limits: this.#limits,
      deciding: this.#deciding,
      retryAfterSeconds: overLimit ? combinedRetryAfterSeconds(this.#limits) : undefined,
      receipt: overLimit || this.#outcome === undefined ? undefined : this.#formatReceipt(this.#outcome),
      candidates: this.#candidates,
      metadata: this.#collectMetadata(),
      forgottenUsage: this.#forgottenUsage,
      configurationFault: this.#configurationFault,
    };
  }

  #addDescriptor({ firstCharge, endCharge, metricName, isUnlimited }: PreparedDescriptor): void {
    const status =
      this.#outcome === undefined ? undefined : this.#addLimits(this.#charges, this.#outcome, firstCharge, endCharge);
    const hits = status === undefined ? undefined : this.#charges[firstCharge]?.hits;
    const verdict = { overLimit: status?.exceeded ?? false, status, metricName, hits };
    this.#descriptors.push(status === undefined && isUnlimited ? { ...verdict, isUnlimited } : verdict);
  }

  #addQuota({ descriptorIndex, charges, reportsOnly }: QuotaDecision, outcome: Outcome): void {
    const status = this.#addLimits(charges, outcome, 0, charges.length);
    if (status === undefined) return;
    this.#source ??= outcome.source;
    const verdict = elementAt(this.#descriptors, descriptorIndex);
    const overLimit = status.exceeded && reportsOnly === undefined;
    const mode = reportsOnly === true ? 'shadow' : 'quota';
    this.#descriptors[descriptorIndex] = { ...verdict, overLimit, status, hits: charges[0]?.hits, mode };
  }

  /** Adds the limits of the charges from index `first` up to `end`. Returns the tightest; undefined: there are none. */
  #addLimits(charges: readonly NamedCharge[], outcome: Outcome, first: number, end: number): LimitStatus | undefined {
    let tightest: LimitStatus | undefined;
    for (let index = first; index < end; index++) {
      const charge = elementAt(charges, index);
      const status = limitStatus(charge, elementAt(outcome.charges, index), charges);
      if (charge.hits !== 1 && isForgottenUsage(charge, status.exceeded)) {
        this.#forgottenUsage = [...(this.#forgottenUsage ?? NONE), charge.limitName.rule];
      }
      if (!isReported(charge, status)) continue;
      this.#limits.push(status);
      tightest = tighterStatus(tightest, status);
    }
    if (tightest !== undefined) this.#deciding = tighterStatus(this.#deciding, tightest);
    return tightest;
  }

  /** Returns undefined if nothing was counted, or nothing can be redeemed. */
  #formatReceipt(outcome: Outcome): string | undefined {
    const isUncounted = outcome.source === 'fail-open' && outcome.charges.every(({ lateChargeId }) => !lateChargeId);
    if (isUncounted || !this.#charges.some(isRedeemable)) return undefined;
    const { receiptKey } = this.#receiptKeys;
    if (receiptKey === undefined) throw new Error('the catalog has no key for receipts');
    return encodeReceipt(createReceipt(createReceiptId(this.#usage), this.#charges, outcome, isRedeemable), receiptKey);
  }

  /** Collects the metadata of the rules that let their descriptors pass. */
  #collectMetadata(): readonly Metadata[] {
    let collected: readonly Metadata[] = NONE;
    for (let index = 0; index < this.#prepared.length; index++) {
      const metadata = elementAt(this.#prepared, index).rule?.metadata;
      if (metadata === undefined || elementAt(this.#descriptors, index).overLimit) continue;
      collected = [...collected, metadata];
    }
    return collected;
  }
}

function hasNoMetadata({ rule }: PreparedDescriptor): boolean {
  return rule?.metadata === undefined;
}
