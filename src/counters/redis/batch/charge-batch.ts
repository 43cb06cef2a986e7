import type { Charge, ChargeOutcome, Decision, Outcome } from '../../../decide/ports.ts';
import { mergeCharges, spreadOutcomes } from '../../merge-charges.ts';
import { packHits, packUint21 } from './packed-numbers.ts';
import type { PackedReply } from './packed-reply.ts';
import { type ScriptArguments, ScriptArgumentsBuilder } from './script-arguments.ts';

/** Equal decisions, one directly after another: the script works them out at once. */
interface Run {
  times: number;
  readonly asked: readonly Charge[];
  readonly charges: readonly Charge[];
  readonly places: readonly number[] | undefined;
}

/** One call of the charge script. */
export interface ChargeBatch extends ScriptArguments {
  readonly runs: readonly Run[];
}

/** Bounds how long one script holds Redis: at 3 to 4 µs each, below 2 ms. */
export const MAX_BATCH_CHARGES = 512;

/**
 * The decisions in order, in as few batches of at most 512 charges as that allows, equal neighbours counted once; no
 * decision is torn apart. `now` is in µs since 1970.
 */
export function buildChargeBatches(
  prefix: string,
  decisions: readonly Decision[],
  now: number,
): readonly ChargeBatch[] {
  const batches: ChargeBatch[] = [];
  let builder = new BatchBuilder(prefix, now);
  for (const { charges } of decisions) {
    if (builder.repeats(charges)) continue;
    const distinct = mergeCharges(charges);
    if (builder.charges > 0 && builder.charges + distinct.charges.length > MAX_BATCH_CHARGES) {
      batches.push(builder.build());
      builder = new BatchBuilder(prefix, now);
    }
    builder.add(charges, distinct.charges, distinct.indexes);
  }
  batches.push(builder.build());
  return batches;
}

/** What decisions have in common that ask the same of other subjects. */
interface Pattern {
  readonly place: number;
  /** Of the first decision that has it. */
  readonly charges: readonly Charge[];
}

class BatchBuilder {
  readonly #arguments: ScriptArgumentsBuilder;
  readonly #runs: Run[] = [];
  /** Of each run its pattern and its keys, packed. */
  readonly #packedRuns: string[] = [];
  readonly #patterns = new Map<string, Pattern>();
  #lastPattern: Pattern | undefined;
  #charges = 0;

  constructor(prefix: string, now: number) {
    this.#arguments = new ScriptArgumentsBuilder(prefix, now);
  }

  get charges(): number {
    return this.#charges;
  }

  /** Counts the decision into the last run if it equals that run's. */
  repeats(asked: readonly Charge[]): boolean {
    const last = this.#runs[this.#runs.length - 1];
    if (last === undefined || !areEqual(last.asked, asked)) return false;
    last.times++;
    return true;
  }

  add(asked: readonly Charge[], charges: readonly Charge[], places: readonly number[] | undefined): void {
    this.#runs.push({ times: 1, asked, charges, places });
    this.#charges += charges.length;
    let packed = packUint21(this.#patternOf(charges).place);
    let before: string | undefined;
    for (const { subject } of charges) {
      if (subject !== before) packed += packUint21(this.#arguments.addSubject(subject));
      before = subject;
    }
    this.#packedRuns.push(packed);
  }

  build(): ChargeBatch {
    const { length } = this.#runs;
    let packed = '';
    for (let place = 0; place < length; place++) {
      packed += packUint21(this.#runs[place]?.times ?? 0) + this.#packedRuns[place];
    }
    return { ...this.#arguments.build([...this.#patterns.keys()].join(''), packed), runs: this.#runs };
  }

  #patternOf(charges: readonly Charge[]): Pattern {
    const last = this.#lastPattern;
    if (last !== undefined && areAlike(last.charges, charges)) return last;
    const packed = this.#packPattern(charges);
    const pattern = this.#patterns.get(packed) ?? { place: this.#patterns.size + 1, charges };
    this.#patterns.set(packed, pattern);
    this.#lastPattern = pattern;
    return pattern;
  }

  #packPattern(charges: readonly Charge[]): string {
    let packed = packUint21(charges.length);
    for (const [place, each] of charges.entries()) {
      const isNext = each.subject !== charges[place - 1]?.subject;
      packed += packUint21(isNext ? 1 : 0) + packUint21(this.#arguments.addSpec(each)) + packHits(each.hits);
    }
    return packed;
  }
}

/** Whether they have one pattern; false also of some that have, if their limits are not the same object. */
function areAlike(some: readonly Charge[], others: readonly Charge[]): boolean {
  if (some.length !== others.length) return false;
  for (let place = 0; place < some.length; place++) {
    const [one, other] = [some[place], others[place]];
    if (one === undefined || other === undefined || !asksTheSame(one, other)) return false;
    const isNext = one.subject !== some[place - 1]?.subject;
    if (isNext !== (other.subject !== others[place - 1]?.subject)) return false;
  }
  return true;
}

function areEqual(some: readonly Charge[], others: readonly Charge[]): boolean {
  if (some.length !== others.length) return false;
  for (let place = 0; place < some.length; place++) if (!isEqual(some[place], others[place])) return false;
  return true;
}

function isEqual(charge: Charge | undefined, other: Charge | undefined): boolean {
  if (charge === undefined || other === undefined || charge.subject !== other.subject) return false;
  return isToldByOneState(charge) && asksTheSame(charge, other);
}

/** Of whichever subjects. */
function asksTheSame(one: Charge, other: Charge): boolean {
  if (one.limit !== other.limit || one.hits !== other.hits) return false;
  return one.isSettlement === other.isSettlement && one.spentWithinMicros === other.spentWithinMicros;
}

/**
 * Whether the state after a run tells what each of its decisions left. A refusal that begins a block changes when all is
 * free; and each draw from a token bucket does, by which a receipt later knows what of it is still out. What a
 * settlement left of a counter that is blocked cannot be told by what is left in the end, which is nothing.
 */
function isToldByOneState({ limit: { algorithm, blockForSeconds }, isSettlement }: Charge): boolean {
  return algorithm !== 'token_bucket' && blockForSeconds === undefined && isSettlement !== true;
}

/** Outcomes of the batch's decisions, in order, from the script's reply. */
export function parseOutcomes({ runs }: ChargeBatch, reply: PackedReply): readonly Outcome[] {
  const outcomes: Outcome[] = [];
  const { timeMicros } = reply;
  for (const { times, charges, places } of runs) {
    let granted = times;
    const states: CounterState[] = [];
    for (let place = 0; place < charges.length; place++) {
      granted = reply.readUint24();
      states.push(readState(reply, granted < times));
    }
    for (let i = 0; i < times; i++) {
      const each: ChargeOutcome[] = [];
      for (const charge of charges) each.push(chargeOutcome(charge, states[each.length], timeMicros, granted - 1 - i));
      outcomes.push({ granted: i < granted, source: 'redis', charges: spreadOutcomes(each, places) });
    }
  }
  return outcomes;
}

/** Of a counter after a run, as the script tells it; times in µs. */
interface CounterState {
  readonly free: number;
  readonly resetAfter: number;
  /** 0: not refused, or never. */
  readonly retryAfter: number;
  /** 0: it is not blocked, or nothing was refused. */
  readonly blockedFor: number;
}

const NO_STATE: CounterState = { free: 0, resetAfter: 0, retryAfter: 0, blockedFor: 0 };

function readState(reply: PackedReply, hasRefusals: boolean): CounterState {
  return {
    free: reply.readInt48(),
    resetAfter: reply.readUint56(),
    retryAfter: hasRefusals ? reply.readUint56() : 0,
    blockedFor: hasRefusals ? reply.readUint56() : 0,
  };
}

/** `grantsAfter`: how many of the run were granted after this decision, below 0 when this one was not. */
function chargeOutcome(
  { hits, limit, isSettlement }: Charge,
  state = NO_STATE,
  time: number,
  grantsAfter: number,
): ChargeOutcome {
  const { free, resetAfter, retryAfter, blockedFor } = state;
  const isRefused = grantsAfter < 0;
  const exceeded = isRefused && free < hits && isSettlement !== true;
  const promises = exceeded && retryAfter > 0 && limit.algorithm !== 'concurrency';
  return {
    exceeded,
    remaining: Math.max(0, isRefused ? free : free + grantsAfter * hits),
    resetAfter,
    freeAt: time + resetAfter,
    retryAfter: promises ? retryAfter : undefined,
    blockedFor: exceeded && blockedFor > 0 ? blockedFor : undefined,
  };
}
