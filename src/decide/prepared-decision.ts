import type { NamedCharge } from './named-charge.ts';
import type { Decision, DecisionResult } from './ports.ts';
import type { Redemption } from './receipts/redeem.ts';

/**
 * A request that is worked out as far as memory reaches: what it charges, and how to conclude it with the store's
 * result. Without charges, the store is not called.
 */
export interface PreparedDecision<Verdict> extends Decision {
  readonly charges: readonly NamedCharge[];
  /** Decided after the response, each one independently, if the request is granted. */
  readonly shadows?: readonly ShadowDecision[] | undefined;
  /** Decided after the charges and before the response, each one independently, if the charges are granted. */
  readonly advisories?: readonly AdvisoryDecision[] | undefined;
  /** Receipts that the request redeems. */
  readonly redemptions?: readonly Redemption[] | undefined;
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
