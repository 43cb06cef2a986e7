import type { LimitName } from '../../domain/limit-status.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { type Rule, ruleLimitName } from '../../domain/rules/rule-book.ts';
import type { Cost } from '../check/credential-charges.ts';
import type { AdvisoryDecision, PreparedDecision, ShadowDecision } from '../decide-batch.ts';
import { type Charge, type DecisionResult, StoreUnavailable } from '../ports.ts';
import type { Redemption } from '../receipts/redeem.ts';
import { NOTHING_CHARGED, type RateLimitVerdict } from './rate-limit-verdict.ts';
import { VerdictBuilder } from './verdict-builder.ts';

export const NOTHING_REPLACED: ReadonlySet<string> = new Set();

const NONE: readonly never[] = [];

/** A descriptor names a key or an account that may not pass at all: nothing is charged. */
export class RejectedByCatalog implements PreparedDecision<RateLimitVerdict> {
  readonly charges = [];
  readonly names = [];
  readonly #refused: readonly boolean[];

  constructor(refused: readonly boolean[]) {
    this.#refused = refused;
  }

  conclude(): RateLimitVerdict {
    const descriptors = this.#refused.map((overLimit) => ({ overLimit, status: undefined }));
    return { ...NOTHING_CHARGED, overLimit: true, descriptors };
  }
}

/** A descriptor, and which of the charges in one list are its. */
export interface PreparedDescriptor {
  /** Behind its last charge; its first one is behind the last of the descriptor before. */
  readonly end: number;
  /** undefined: none was matched. */
  readonly rule: Rule | undefined;
  readonly metricName: string | undefined;
  /** A rule or plan leaves it unlimited. */
  readonly isUnlimited: boolean;
}

/** What is decided beside the charges for one descriptor. */
export interface Advisory extends AdvisoryDecision {
  /** The descriptor's place. */
  readonly place: number;
  readonly names: readonly LimitName[];
}

/** The charges of all descriptors in one list, each with the name of its limit. */
export class PreparedRateLimit implements PreparedDecision<RateLimitVerdict> {
  readonly charges: Charge[] = [];
  readonly names: LimitName[] = [];
  redemptions: readonly Redemption[] | undefined;
  shadows: readonly ShadowDecision[] | undefined;
  advisories: readonly Advisory[] | undefined;
  readonly #descriptors: PreparedDescriptor[] = [];
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

  /** A descriptor that no rule is for. */
  addNothing(): true {
    return this.#end(undefined, undefined, false);
  }

  addRule(rule: Rule, metricName: string, subject: string, hits: number): true {
    const before = this.charges.length;
    if (rule.replaces !== undefined) this.#replaced = new Set([...this.#replaced, ...rule.replaces]);
    if (rule.isShadow === true) this.#addShadow(rule, subject, hits);
    else if (rule.isQuota === true) this.#addQuota(rule, subject, hits);
    else {
      for (const limit of rule.limits) {
        if (limit.algorithm === 'unlimited' || this.#leftOut.has(limit.name)) continue;
        this.charges.push({ subject, limit, hits, storeHandle: undefined });
        this.names.push(ruleLimitName(rule, limit.name));
      }
    }
    if (rule.candidate !== undefined) this.#addCandidate(rule.path, { subject, limit: rule.candidate, hits });
    return this.#end(rule, metricName, this.charges.length === before && rule.limits.every(isUnlimited));
  }

  /** The limit that a request brings along is never in shadow or quota mode, and neither replaces others nor is replaced. */
  addOverride(rule: Rule, limit: CountedLimit, subject: string, hits: number): true {
    this.charges.push({ subject, limit, hits, storeHandle: undefined });
    this.names.push({ rule: rule.path, label: rule.path });
    return this.#end(rule, rule.path, false);
  }

  addPlans(costs: readonly Cost[]): true {
    for (const { charges, names } of costs) {
      this.charges.push(...charges);
      this.names.push(...names);
    }
    return this.#end(
      undefined,
      undefined,
      costs.every(({ charges }) => charges.length === 0),
    );
  }

  addRedemption(redemption: Redemption): true {
    this.redemptions = [...(this.redemptions ?? NONE), redemption];
    return this.addNothing();
  }

  conclude(outcome: DecisionResult | undefined, beside: readonly DecisionResult[] = NONE): RateLimitVerdict {
    if (outcome instanceof StoreUnavailable) return { kind: 'unavailable', away: 'counters' };
    const judged = new VerdictBuilder(this.#descriptors, this.charges, this.names, outcome);
    if (beside.length === 0) return judged.verdict(false);
    if (this.#isQuotaUnknown(beside)) return { kind: 'unavailable', away: 'counters' };
    for (const [place, decided] of beside.entries()) {
      const each = this.advisories?.[place];
      if (each !== undefined) judged.addBeside(each, decided);
    }
    return judged.verdict(this.isRejectedByAdvisories(beside));
  }

  /** All of several quotas must be used up: one that is left lets the request pass on it. */
  isRejectedByAdvisories(beside: readonly DecisionResult[]): boolean {
    if (beside.length === 0) return false;
    if (this.#isQuotaUnknown(beside)) return true;
    const quotas = beside.filter((_, place) => this.advisories?.[place]?.kind === 'quota');
    return quotas.length > 0 && quotas.every((decided) => !(decided instanceof StoreUnavailable) && !decided.granted);
  }

  /** Only where the limit says so: else it is decided by this node, or nobody. */
  #isQuotaUnknown(beside: readonly DecisionResult[]): boolean {
    return beside.some(
      (decided, place) => decided instanceof StoreUnavailable && this.advisories?.[place]?.kind === 'quota',
    );
  }

  /** A look at a shadow changes nothing and tells nobody. */
  #addShadow(rule: Rule, subject: string, hits: number): void {
    const charges = this.#counted(rule).map((limit) => ({ subject, limit, hits }));
    if (hits > 0 && charges.length > 0) this.shadows = [...(this.shadows ?? NONE), { rule: rule.path, charges }];
  }

  #addQuota(rule: Rule, subject: string, hits: number): void {
    const limits = this.#counted(rule);
    if (limits.length === 0) return;
    const charges = limits.map((limit) => ({ subject, limit, hits }));
    const names = limits.map(({ name }) => ruleLimitName(rule, name));
    this.#addBeside({ kind: 'quota', rule: rule.path, place: this.#descriptors.length, charges, names });
  }

  #addCandidate(rule: string, charge: Charge): void {
    if (charge.hits === 0) return;
    const place = this.#descriptors.length;
    this.#addBeside({ kind: 'candidate', rule, place, charges: [charge], names: NONE });
  }

  #addBeside(beside: Advisory): void {
    this.advisories = [...(this.advisories ?? NONE), beside];
  }

  #counted({ limits }: Rule): readonly CountedLimit[] {
    return limits.filter((limit): limit is CountedLimit => !isUnlimited(limit) && !this.#leftOut.has(limit.name));
  }

  #end(rule: Rule | undefined, metricName: string | undefined, unlimited: boolean): true {
    this.#descriptors.push({ end: this.charges.length, rule, metricName, isUnlimited: unlimited });
    return true;
  }
}

function isUnlimited({ algorithm }: { readonly algorithm: string }): boolean {
  return algorithm === 'unlimited';
}
