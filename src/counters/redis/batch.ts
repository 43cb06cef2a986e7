import type { CountedLimit } from '../../core/limit.ts';
import type { Charge, ChargeOutcome, Decision, Outcome } from '../../decide/ports.ts';
import { distinctCharges, spreadOutcomes } from '../distinct-charges.ts';
import { packHits, packShort } from './packed-numbers.ts';
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
export interface Batch extends ScriptArguments {
  readonly runs: readonly Run[];
}

/** Bounds how long one script holds Redis: about 2 ms. */
export const MOST_KEYS = 256;

/**
 * The decisions in order, in as few batches of at most 256 keys as that allows; no decision is torn apart. `now` is in
 * µs since 1970.
 */
export function batchesOf(prefix: string, decisions: readonly Decision[], now: number): readonly Batch[] {
  const batches: Batch[] = [];
  let builder = new BatchBuilder(prefix, now);
  for (const { charges } of decisions) {
    if (builder.repeats(charges)) continue;
    const distinct = distinctCharges(charges);
    if (builder.keyCount > 0 && builder.keyCount + distinct.charges.length > MOST_KEYS) {
      batches.push(builder.build());
      builder = new BatchBuilder(prefix, now);
    }
    builder.add(charges, distinct.charges, distinct.places);
  }
  batches.push(builder.build());
  return batches;
}

class BatchBuilder {
  readonly #arguments: ScriptArgumentsBuilder;
  readonly #runs: Run[] = [];
  /** Of each run its charges, packed. */
  readonly #packedCharges: string[] = [];

  constructor(prefix: string, now: number) {
    this.#arguments = new ScriptArgumentsBuilder(prefix, now);
  }

  get keyCount(): number {
    return this.#arguments.keyCount;
  }

  /** Counts the decision into the last run if it equals that run's. */
  repeats(asked: readonly Charge[]): boolean {
    const last = this.#runs.at(-1);
    if (last === undefined || !areEqual(last.asked, asked)) return false;
    last.times++;
    return true;
  }

  add(asked: readonly Charge[], charges: readonly Charge[], places: readonly number[] | undefined): void {
    this.#runs.push({ times: 1, asked, charges, places });
    let packed = packShort(charges.length);
    for (const each of charges) {
      const key = this.#arguments.subjectPlace(each.subject);
      packed += packShort(key) + packShort(this.#arguments.termPlace(each)) + packHits(each.hits);
    }
    this.#packedCharges.push(packed);
  }

  build(): Batch {
    let packed = '';
    for (const [place, { times }] of this.#runs.entries()) packed += packShort(times) + this.#packedCharges[place];
    return { ...this.#arguments.build(packed), runs: this.#runs };
  }
}

function areEqual(some: readonly Charge[], others: readonly Charge[]): boolean {
  return some.length === others.length && some.every((charge, place) => isEqual(charge, others[place]));
}

function isEqual(charge: Charge, other: Charge | undefined): boolean {
  if (other === undefined || charge.hits !== other.hits || charge.subject !== other.subject) return false;
  if (charge.limit !== other.limit || !isToldByOneState(charge.limit)) return false;
  return charge.settles === other.settles && charge.ahead === other.ahead;
}

/**
 * Whether all decisions of a run have the same resetAfter. A refusal that begins a block changes it; and each draw from a
 * token bucket does, by which a receipt later knows what of it is still out.
 */
function isToldByOneState({ algorithm, blockForSeconds }: CountedLimit): boolean {
  return algorithm !== 'token_bucket' && blockForSeconds === undefined;
}

/** Outcomes of the batch's decisions, in order, from the script's reply. */
export function outcomesOf({ runs }: Batch, reply: PackedReply): readonly Outcome[] {
  const outcomes: Outcome[] = [];
  for (const { times, charges, places } of runs) {
    const granted = reply.granted();
    const states = charges.map(
      (): CounterState => ({
        free: reply.free(),
        resetAfter: reply.duration(),
        retryAfter: reply.duration(),
        time: reply.time,
      }),
    );
    for (let i = 0; i < times; i++) {
      const grantsAfter = granted - 1 - i;
      const each = charges.map((charge, place) => chargeOutcome(charge, states[place], grantsAfter));
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
  readonly time: number;
}

const NO_STATE: CounterState = { free: 0, resetAfter: 0, retryAfter: 0, time: 0 };

/** `grantsAfter`: how many of the run were granted after this decision, below 0 when this one was not. */
function chargeOutcome({ hits, limit, settles }: Charge, state = NO_STATE, grantsAfter: number): ChargeOutcome {
  const { free, resetAfter, retryAfter, time } = state;
  const isRefused = grantsAfter < 0;
  const exceeded = isRefused && free < hits && settles !== true;
  const promises = exceeded && retryAfter > 0 && limit.algorithm !== 'concurrency';
  return {
    exceeded,
    remaining: Math.max(0, isRefused ? free : free + grantsAfter * hits),
    resetAfter,
    freeAt: time + resetAfter,
    retryAfter: promises ? retryAfter : undefined,
  };
}
