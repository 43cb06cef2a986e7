import { termOf } from '../../core/term.ts';
import type { Charge, ChargeOutcome, Decision, Outcome } from '../../decide/ports.ts';
import { distinctCharges, spreadOutcomes } from '../distinct-charges.ts';
import { counterKey } from './counter-key.ts';
import type { PackedReply } from './packed-reply.ts';
import { packHits, packShort } from './packed-runs.ts';

/** Equal decisions, one directly after another: the script works them out at once. */
interface Run {
  times: number;
  readonly asked: readonly Charge[];
  readonly charges: readonly Charge[];
  readonly places: readonly number[] | undefined;
}

/** What one call of the charge script is given, but for its not-after. */
export interface Batch {
  readonly keys: readonly string[];
  readonly args: readonly (number | string)[];
  readonly runs: readonly Run[];
}

/** Bounds how long one script holds Redis: about 2 ms. */
const MOST_COUNTERS = 256;

/** The decisions in order, in as few batches of at most 256 counters as that allows; no decision is torn apart. */
export function batchesOf(prefix: string, decisions: readonly Decision[]): readonly Batch[] {
  const batches: Batch[] = [];
  let builder = new BatchBuilder(prefix);
  for (const { charges } of decisions) {
    if (builder.repeats(charges)) continue;
    const distinct = distinctCharges(charges);
    if (builder.counters > 0 && builder.counters + distinct.charges.length > MOST_COUNTERS) {
      batches.push(builder.build());
      builder = new BatchBuilder(prefix);
    }
    builder.add(charges, distinct.charges, distinct.places);
  }
  batches.push(builder.build());
  return batches;
}

class BatchBuilder {
  readonly #prefix: string;
  readonly #keys = new Map<string, number>();
  readonly #limits = new Map<string, number>();
  readonly #limitArgs: number[] = [];
  readonly #runs: Run[] = [];
  /** Of each run its charges, packed. */
  readonly #packedCharges: string[] = [];

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get counters(): number {
    return this.#keys.size;
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
      packed += packShort(this.#keyPlace(each)) + packShort(this.#limitPlace(each)) + packHits(each.hits);
    }
    this.#packedCharges.push(packed);
  }

  build(): Batch {
    let runs = '';
    for (const [place, { times }] of this.#runs.entries()) runs += packShort(times) + this.#packedCharges[place];
    return {
      keys: [...this.#keys.keys()],
      args: [this.#limits.size, ...this.#limitArgs, runs],
      runs: this.#runs,
    };
  }

  #keyPlace(charge: Charge): number {
    const key = counterKey(this.#prefix, charge);
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    this.#keys.set(key, this.#keys.size + 1);
    return this.#keys.size;
  }

  #limitPlace({ limit }: Charge): number {
    const { resolution, life } = termOf(limit);
    const name = `${limit.requests}/${resolution}/${life}`;
    const known = this.#limits.get(name);
    if (known !== undefined) return known;
    this.#limits.set(name, this.#limits.size + 1);
    this.#limitArgs.push(limit.requests, resolution, life);
    return this.#limits.size;
  }
}

function areEqual(some: readonly Charge[], others: readonly Charge[]): boolean {
  return some.length === others.length && some.every((charge, place) => isEqual(charge, others[place]));
}

function isEqual(charge: Charge, other: Charge | undefined): boolean {
  if (other === undefined || charge.hits !== other.hits || charge.subject !== other.subject) return false;
  const { limit } = charge;
  return limit === other.limit || (limit.identity === other.limit.identity && limit.requests === other.limit.requests);
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
      }),
    );
    for (let i = 0; i < times; i++) {
      const grantsAfter = granted - 1 - i;
      const each = charges.map(({ hits }, place) => chargeOutcome(hits, states[place], grantsAfter));
      outcomes.push({ granted: i < granted, source: 'redis', charges: spreadOutcomes(each, places) });
    }
  }
  return outcomes;
}

/** Of a counter after a run, as the script tells it. */
interface CounterState {
  readonly free: number;
  readonly resetAfter: number;
  /** 0: not refused, or never. */
  readonly retryAfter: number;
}

const NO_STATE: CounterState = { free: 0, resetAfter: 0, retryAfter: 0 };

/** `grantsAfter`: how many of the run were granted after this decision, below 0 when this one was not. */
function chargeOutcome(hits: number, state = NO_STATE, grantsAfter: number): ChargeOutcome {
  const { free, resetAfter, retryAfter } = state;
  const isRefused = grantsAfter < 0;
  return {
    exceeded: isRefused && free < hits,
    remaining: Math.max(0, isRefused ? free : free + grantsAfter * hits),
    resetAfter,
    retryAfter: isRefused && retryAfter > 0 ? retryAfter : undefined,
  };
}
