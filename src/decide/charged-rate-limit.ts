import type { CountedLimit } from '../core/limit.ts';
import { type Rule, ruleLimitName } from '../core/rules.ts';
import { type LimitName, type LimitStatus, retryAfterSeconds, tighter } from '../core/verdict.ts';
import type { Consideration, ShadowDecision } from './decider.ts';
import { limitStatus } from './limit-statuses.ts';
import type { Cost } from './plan-charges.ts';
import { type Charge, type Outcome, StoreUnavailable } from './ports.ts';
import type { DescriptorVerdict, RateLimitVerdict } from './rate-limit-verdict.ts';
import { writeReceipt } from './receipt-text.ts';
import { receiptOf } from './receipts.ts';
import type { Redemption } from './redeem.ts';

export const NOTHING_REPLACED: ReadonlySet<string> = new Set();

const NO_STATUS: DescriptorVerdict = { overLimit: false, status: undefined };
const UNLIMITED: DescriptorVerdict = { ...NO_STATUS, isUnlimited: true };

const NOTHING_CHARGED = {
  kind: 'rate_limit',
  overLimit: false,
  source: 'rules',
  limits: [],
  deciding: undefined,
  retryAfterSeconds: undefined,
  receipt: undefined,
} as const;

/** A descriptor names a key or an account that may not pass at all: nothing is charged. */
export class RefusedByCatalog implements Consideration<RateLimitVerdict> {
  readonly charges = [];
  readonly names = [];
  readonly #refused: readonly boolean[];

  constructor(refused: readonly boolean[]) {
    this.#refused = refused;
  }

  judge(): RateLimitVerdict {
    const descriptors = this.#refused.map((overLimit) => ({ overLimit, status: undefined }));
    return { ...NOTHING_CHARGED, overLimit: true, descriptors };
  }
}

/** The charges of all descriptors in one list, each with the name of its limit, and where each descriptor's end. */
export class ChargedRateLimit implements Consideration<RateLimitVerdict> {
  readonly charges: Charge[] = [];
  readonly names: LimitName[] = [];
  redemptions: readonly Redemption[] | undefined;
  shadows: readonly ShadowDecision[] | undefined;
  readonly #ends: number[] = [];
  /** Places of the descriptors that a rule or plan leaves unlimited. */
  #unlimited: readonly number[] = [];
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
      this.#add({ subject, limit, hits }, ruleLimitName(rule, limit.name));
    }
    if (rule.limits.every(({ algorithm }) => algorithm === 'unlimited')) this.#leaveUnlimited();
    return this.endDescriptor();
  }

  /** The limit that a request brings along is never in shadow mode, and neither replaces others nor is replaced. */
  addOverride({ path }: Rule, limit: CountedLimit, subject: string, hits: number): true {
    this.#add({ subject, limit, hits }, { rule: path, label: path });
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
  addPlan({ charges, names }: Cost): true {
    if (charges.length === 0) this.#leaveUnlimited();
    this.charges.push(...charges);
    this.names.push(...names);
    return true;
  }

  addRedemption(redemption: Redemption): true {
    this.redemptions = [...(this.redemptions ?? []), redemption];
    return this.endDescriptor();
  }

  /** The descriptor that is to end next; it may charge something else all the same. */
  #leaveUnlimited(): void {
    this.#unlimited = [...this.#unlimited, this.#ends.length];
  }

  #noStatus(place: number): DescriptorVerdict {
    return this.#unlimited.includes(place) ? UNLIMITED : NO_STATUS;
  }

  #add(charge: Charge, name: LimitName): void {
    this.charges.push(charge);
    this.names.push(name);
  }

  judge(outcome: Outcome | StoreUnavailable | undefined): RateLimitVerdict {
    if (outcome instanceof StoreUnavailable) return { kind: 'unavailable' };
    if (outcome === undefined)
      return { ...NOTHING_CHARGED, descriptors: this.#ends.map((_, place) => this.#noStatus(place)) };
    const limits: LimitStatus[] = [];
    const descriptors: DescriptorVerdict[] = [];
    let deciding: LimitStatus | undefined;
    for (const end of this.#ends) {
      let tightest: LimitStatus | undefined;
      while (limits.length < end) {
        const status = this.#statusAt(limits.length, outcome);
        limits.push(status);
        tightest = tighter(tightest, status);
      }
      if (tightest === undefined) {
        descriptors.push(this.#noStatus(descriptors.length));
        continue;
      }
      descriptors.push({ overLimit: tightest.exceeded, status: tightest });
      deciding = tighter(deciding, tightest);
    }
    const { granted, source } = outcome;
    return {
      kind: 'rate_limit',
      overLimit: !granted,
      source,
      descriptors,
      limits,
      deciding,
      retryAfterSeconds: granted ? undefined : retryAfterSeconds(limits),
      receipt: granted ? this.#receiptOf(outcome) : undefined,
    };
  }

  #statusAt(place: number, { charges }: Outcome): LimitStatus {
    const charge = this.charges[place];
    const charged = charges[place];
    const name = this.names[place];
    if (charge !== undefined && charged !== undefined && name !== undefined) return limitStatus(name, charge, charged);
    throw new Error('the store told of fewer charges than it was asked for');
  }

  #receiptOf(outcome: Outcome): string | undefined {
    if (outcome.source === 'fail-open' || !this.charges.some(isInReceipt)) return undefined;
    const charges = outcome.charges.filter((_, place) => isInReceipt(this.charges[place]));
    return writeReceipt(receiptOf(crypto.randomUUID(), this.charges.filter(isInReceipt), { ...outcome, charges }));
  }
}

/** Slots, and what is to be settled: what any other rate has granted was asked for, however the request ends. */
function isInReceipt(charge: Charge | undefined): boolean {
  if (charge === undefined) return false;
  return charge.limit.settle === true || (charge.limit.algorithm === 'concurrency' && charge.hits > 0);
}
