import type { Rule } from '../domain/rules/rule.ts';
import type { NamedCharge } from './named-charge.ts';
import type { Decision, DecisionResult, DeviceUse, Receipt, Usage } from './ports.ts';
import type { Redemption } from './receipts/redeem.ts';

/**
 * A request that is worked out as far as memory reaches: what it charges, and how to conclude it with the store's
 * result. Without charges, the store is not called.
 */
export interface PreparedDecision<Verdict> extends Decision {
  readonly charges: readonly NamedCharge[];
  /** Decided after the response, each one independently, if the request is granted. */
  readonly shadows?: readonly ShadowDecision[] | undefined;
  /**
   * Decided after the charges and before the response, each one independently, if the charges are granted or the advisory
   * says so.
   */
  readonly advisories?: readonly AdvisoryDecision[] | undefined;
  /**
   * The rules or plans of limits that match and cannot be enforced here, because nobody would release their slots;
   * undefined: there are none.
   */
  readonly unenforcedRules?: readonly string[] | undefined;
  /** Charged after the response, each one independently, if the charges are granted. Also for a caller that has left. */
  readonly penalties?: readonly Decision[] | undefined;
  /** Receipts that the request redeems. */
  readonly redemptions?: readonly Redemption[] | undefined;
  /** The device of the request, for the registry. undefined: the request names none, or there is no registry. */
  readonly device?: DeviceUse | undefined;
  /** The usage that the charges of plans are recorded as. undefined: the request names no key or account. */
  readonly usage?: Usage | undefined;
  /**
   * Receipt of what an earlier decision has granted to the same request. It is refunded if this decision does not let
   * the request go on.
   */
  readonly earlierGrant?: Receipt | undefined;
  /**
   * Concludes the decision. `result` is undefined if there was nothing to charge. `advisories` is empty if they were
   * not decided.
   */
  conclude(result: DecisionResult | undefined, advisories?: readonly AdvisoryResult[]): Verdict;
  /** Whether the advisories reject the request. What its charges were granted is refunded then. */
  isRejectedByAdvisories?(advisories: readonly AdvisoryResult[]): boolean;
}

/** The charges of a rule in shadow mode. They reject nothing: only metrics report what they would have done. */
export interface ShadowDecision extends Decision {
  /** The path of the rule. */
  readonly rule: string;
}

/** A decision that is evaluated alongside the charges of a request, for one of its descriptors. */
export type AdvisoryDecision = QuotaDecision | CandidateDecision;

/** The charges of a rule in quota mode. They reject a request if those of all its other quotas do, too. */
export interface QuotaDecision extends Decision {
  readonly kind: 'quota';
  readonly charges: readonly NamedCharge[];
  readonly descriptorIndex: number;
  /** The rule only reports its state. undefined: it rejects as described. */
  readonly reportsOnly?: Rule['reportsOnly'];
  /** Decided for requests that the charges reject, too. */
  readonly isIndependent?: Rule['isIndependent'];
}

/** The candidate limit of a rule: reported, never enforced. */
export interface CandidateDecision extends Decision {
  readonly kind: 'candidate';
  /** The path of the rule. */
  readonly rule: string;
}

export interface AdvisoryResult {
  readonly advisory: AdvisoryDecision;
  readonly result: DecisionResult;
}
