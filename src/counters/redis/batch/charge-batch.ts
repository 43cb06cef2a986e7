import { elementAt } from '../../../collections/element-at.ts';
import type { Charge, Decision } from '../../../decide/ports.ts';
import { isChargedIfRejected } from '../../../decide/rejected-charges.ts';
import { type MergedCharges, mergeCharges } from '../../merge-charges.ts';
import type { ScriptArguments } from '../lua/scripts.ts';
import { packHits, packUint21 } from './packed-numbers.ts';
import { ScriptArgumentsBuilder } from './script-arguments.ts';

/** Equal decisions, one directly after another. The script decides them in one step. */
export interface Run {
  /** At least 1. */
  decisionCount: number;
  /** The charges of each of the decisions. */
  readonly charges: readonly Charge[];
  readonly merged: MergedCharges;
  /** Whether rejected decisions charge any of the counters. The script then decides each of them in a step of its own. */
  readonly chargesRejected: boolean;
  /** Pattern and keys of the run, as the script reads them. */
  readonly packed: string;
}

/** One call of the charge script. */
export interface ChargeBatch extends ScriptArguments {
  readonly runs: readonly Run[];
}

/** Limits how long one script blocks Redis: at 3 to 4 µs per charge, to less than 2 ms. */
export const MAX_BATCH_CHARGES = 512;

/**
 * Builds as few batches as possible that have at most MAX_BATCH_CHARGES charges. The decisions stay in order and are never
 * split. A run of equal decisions counts as one, unless its rejected decisions are charged. `now` is in µs since 1970.
 */
export function buildChargeBatches(
  prefix: string,
  decisions: readonly Decision[],
  now: number,
): readonly ChargeBatch[] {
  const batches: ChargeBatch[] = [];
  let builder = new ChargeBatchBuilder(prefix, now);
  for (const { charges } of decisions) {
    if (builder.extendLastRun(charges)) continue;
    const merged = mergeCharges(charges);
    if (builder.chargeCount > 0 && builder.chargeCount + merged.charges.length > MAX_BATCH_CHARGES) {
      batches.push(builder.build());
      builder = new ChargeBatchBuilder(prefix, now);
    }
    builder.addRun(charges, merged);
  }
  batches.push(builder.build());
  return batches;
}

/** The part of a decision that does not depend on its subjects. Many decisions share one. */
interface Pattern {
  /** Counted from 1. */
  readonly index: number;
  /** Charges of the first decision with this pattern. */
  readonly charges: readonly Charge[];
  readonly chargesRejected: boolean;
}

class ChargeBatchBuilder {
  readonly #arguments: ScriptArgumentsBuilder;
  readonly #runs: Run[] = [];
  /** By their packed form, in the order of their indexes. */
  readonly #patterns = new Map<string, Pattern>();
  #lastPattern: Pattern | undefined;
  #chargeCount = 0;

  constructor(prefix: string, now: number) {
    this.#arguments = new ScriptArgumentsBuilder(prefix, now);
  }

  get chargeCount(): number {
    return this.#chargeCount;
  }

  /** Adds a decision to the last run if it equals the decisions of that run, and returns whether it does. */
  extendLastRun(charges: readonly Charge[]): boolean {
    const last = this.#runs[this.#runs.length - 1];
    if (last === undefined || !formOneRun(last.charges, charges)) return false;
    if (last.chargesRejected) {
      const addedCharges = last.merged.charges.length;
      if (this.#chargeCount + addedCharges > MAX_BATCH_CHARGES) return false;
      this.#chargeCount += addedCharges;
    }
    last.decisionCount++;
    return true;
  }

  /** Begins a run with a decision. */
  addRun(charges: readonly Charge[], merged: MergedCharges): void {
    this.#chargeCount += merged.charges.length;
    const { index, chargesRejected } = this.#patternFor(merged.charges);
    let packed = packUint21(index);
    let previousSubject: string | undefined;
    for (const { subject } of merged.charges) {
      if (subject !== previousSubject) packed += packUint21(this.#arguments.addSubject(subject));
      previousSubject = subject;
    }
    this.#runs.push({ decisionCount: 1, charges, merged, chargesRejected, packed });
  }

  build(): ChargeBatch {
    let packedRuns = '';
    for (const { decisionCount, packed } of this.#runs) packedRuns += packUint21(decisionCount) + packed;
    return { ...this.#arguments.build([...this.#patterns.keys()].join(''), packedRuns), runs: this.#runs };
  }

  #patternFor(charges: readonly Charge[]): Pattern {
    const last = this.#lastPattern;
    if (last !== undefined && havePattern(last.charges, charges)) return last;
    const packed = this.#packPattern(charges);
    const pattern = this.#patterns.get(packed) ?? {
      index: this.#patterns.size + 1,
      charges,
      chargesRejected: charges.some(isChargedIfRejected),
    };
    this.#patterns.set(packed, pattern);
    this.#lastPattern = pattern;
    return pattern;
  }

  #packPattern(charges: readonly Charge[]): string {
    let packed = packUint21(charges.length);
    let previousSubject: string | undefined;
    for (const charge of charges) {
      const hasNextKey = charge.subject !== previousSubject;
      packed += packUint21(hasNextKey ? 1 : 0) + packUint21(this.#arguments.addSpec(charge)) + packHits(charge.hits);
      previousSubject = charge.subject;
    }
    return packed;
  }
}

/**
 * Whether both decisions have the same pattern. False negatives are possible: limits are compared by identity of their
 * objects.
 */
function havePattern(charges: readonly Charge[], others: readonly Charge[]): boolean {
  if (charges.length !== others.length) return false;
  for (let i = 0; i < charges.length; i++) {
    const charge = elementAt(charges, i);
    const other = elementAt(others, i);
    if (!chargeAlike(charge, other)) return false;
    const hasNextKey = charge.subject !== charges[i - 1]?.subject;
    if (hasNextKey !== (other.subject !== others[i - 1]?.subject)) return false;
  }
  return true;
}

/** Whether the script can decide both decisions in one step. */
function formOneRun(charges: readonly Charge[], others: readonly Charge[]): boolean {
  if (charges.length !== others.length) return false;
  for (let i = 0; i < charges.length; i++) {
    const charge = elementAt(charges, i);
    const other = elementAt(others, i);
    if (charge.subject !== other.subject || !chargeAlike(charge, other) || !isMergeable(charge)) return false;
  }
  return true;
}

/** Whether both charges are the same but for their subjects. */
function chargeAlike(charge: Charge, other: Charge): boolean {
  if (charge.limit !== other.limit || charge.hits !== other.hits) return false;
  return charge.isSettlement === other.isSettlement && charge.spentWithinMicros === other.spentWithinMicros;
}

/**
 * Whether the state after a run determines the state that each of its decisions left. It does not in three cases:
 *
 * - A limit with a block: the rejection that begins the block changes when the whole limit is available.
 * - A token bucket: each charge changes that time, and a receipt needs the time of its own charge.
 * - A settlement: if the counter is blocked, the last state has nothing available, whatever each settlement left.
 */
function isMergeable({ limit: { algorithm, blockForSeconds }, isSettlement }: Charge): boolean {
  return algorithm !== 'token_bucket' && blockForSeconds === undefined && isSettlement !== true;
}
