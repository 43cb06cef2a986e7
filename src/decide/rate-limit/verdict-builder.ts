import { type LimitName, type LimitStatus, combinedRetryAfterSeconds, tighterStatus } from '../../domain/limit-status.ts';
import type { Metadata } from '../../domain/metadata.ts';
import { type Charge, type DecisionResult, type Outcome, StoreUnavailable } from '../ports.ts';
import { encodeReceipt } from '../receipts/codec.ts';
import { createReceipt } from '../receipts/receipt.ts';
import { limitStatus } from '../named-charge.ts';
import type { Advisory, PreparedDescriptor } from './prepared-rate-limit.ts';
import {
  type CandidateVerdict,
  type DescriptorVerdict,
  NOTHING_CHARGED,
  type RateLimitVerdict,
} from './rate-limit-verdict.ts';

const NONE: readonly never[] = [];

/** What became of the descriptors of one request. */
export class VerdictBuilder {
  readonly #asked: readonly PreparedDescriptor[];
  readonly #charges: readonly Charge[];
  readonly #outcome: Outcome | undefined;
  readonly #limits: LimitStatus[] = [];
  readonly #descriptors: DescriptorVerdict[] = [];
  #deciding: LimitStatus | undefined;
  #source: Outcome['source'] | undefined;
  #candidates: readonly CandidateVerdict[] = NONE;

  /** `outcome` is undefined where nothing was charged. */
  constructor(
    asked: readonly PreparedDescriptor[],
    charges: readonly Charge[],
    names: readonly LimitName[],
    outcome: Outcome | undefined,
  ) {
    this.#asked = asked;
    this.#charges = charges;
    this.#outcome = outcome;
    this.#source = outcome?.source;
    let next = 0;
    for (const { end, metricName, isUnlimited } of asked) {
      let status: LimitStatus | undefined;
      if (outcome !== undefined) {
        for (; next < end; next++)
          status = tighterStatus(status, this.#addStatus(names[next], charges[next], outcome, next));
      }
      if (status !== undefined) this.#deciding = tighterStatus(this.#deciding, status);
      const told = { overLimit: status?.exceeded ?? false, status, metricName };
      this.#descriptors.push(status === undefined && isUnlimited ? { ...told, isUnlimited } : told);
    }
  }

  addBeside(beside: Advisory, decided: DecisionResult): void {
    if (beside.kind === 'candidate') {
      const verdict = decided instanceof StoreUnavailable ? 'unavailable' : decided.granted ? 'ok' : 'would_deny';
      this.#candidates = [...this.#candidates, { rule: beside.rule, verdict }];
    } else if (!(decided instanceof StoreUnavailable)) this.#addQuota(beside, decided);
  }

  /** `byQuotas`: they refuse what the others have granted. */
  verdict(byQuotas: boolean): RateLimitVerdict {
    const overLimit = byQuotas || this.#outcome?.granted === false;
    if (this.#source === undefined && this.#candidates.length === 0 && this.#asked.every(hasNoMetadata)) {
      return { ...NOTHING_CHARGED, descriptors: this.#descriptors };
    }
    return {
      kind: 'rate_limit',
      overLimit,
      source: this.#source ?? 'rules',
      descriptors: this.#descriptors,
      limits: this.#limits,
      deciding: this.#deciding,
      retryAfterSeconds: overLimit ? combinedRetryAfterSeconds(this.#limits) : undefined,
      receipt: overLimit || this.#outcome === undefined ? undefined : this.#receiptOf(this.#outcome),
      candidates: this.#candidates,
      metadata: this.#metadata(),
    };
  }

  #addQuota({ place, charges, names }: Advisory, outcome: Outcome): void {
    let status: LimitStatus | undefined;
    for (const [index, charge] of charges.entries()) {
      status = tighterStatus(status, this.#addStatus(names[index], charge, outcome, index));
    }
    if (status === undefined) return;
    this.#deciding = tighterStatus(this.#deciding, status);
    this.#source ??= outcome.source;
    this.#descriptors[place] = { ...this.#descriptors[place], overLimit: status.exceeded, status };
  }

  #addStatus(
    name: LimitName | undefined,
    charge: Charge | undefined,
    { charges }: Outcome,
    place: number,
  ): LimitStatus {
    const charged = charges[place];
    if (charge === undefined || charged === undefined || name === undefined) {
      throw new Error('the store told of fewer charges than it was asked for');
    }
    const status = limitStatus(name, charge, charged);
    this.#limits.push(status);
    return status;
  }

  #receiptOf(outcome: Outcome): string | undefined {
    if (outcome.source === 'fail-open' || !this.#charges.some(isInReceipt)) return undefined;
    const charges = outcome.charges.filter((_, place) => isInReceipt(this.#charges[place]));
    return encodeReceipt(
      createReceipt(crypto.randomUUID(), this.#charges.filter(isInReceipt), { ...outcome, charges }),
    );
  }

  #metadata(): readonly Metadata[] {
    let told: readonly Metadata[] = NONE;
    for (let place = 0; place < this.#asked.length; place++) {
      const metadata = this.#asked[place]?.rule?.metadata;
      if (metadata !== undefined && this.#descriptors[place]?.overLimit === false) told = [...told, metadata];
    }
    return told;
  }
}

function hasNoMetadata({ rule }: PreparedDescriptor): boolean {
  return rule?.metadata === undefined;
}

/** Slots, and what is to be settled: what any other rate has granted was asked for, however the request ends. */
function isInReceipt(charge: Charge | undefined): boolean {
  if (charge === undefined) return false;
  return charge.limit.settle === true || (charge.limit.algorithm === 'concurrency' && charge.hits > 0);
}
