import { charge, emptyTally, type Tally, timeOf, usedAt, waitFor, waitForAll } from '../../core/tally.ts';
import { termOf } from '../../core/term.ts';
import type { Charge, ChargeOutcome, CounterStore, Decision, Outcome } from '../../decide/ports.ts';
import { distinctCharges, spreadOutcomes } from '../distinct-charges.ts';
import { CounterTable } from './counter-table.ts';

export interface MemoryStoreOptions {
  /** µs since 1970; it should not be set: a counter that ended is forgotten, and with it what a step back would undo. */
  readonly now: () => number;
  /**
   * Beyond so many live counters, a decision that needs a new one is refused (each of its charges exceeded, without
   * retryAfter). Live counters are never dropped: that would give their subjects the whole limit again.
   */
  readonly mostCounters: number;
}

/** What is known of one charge before the decision falls. */
interface Look {
  readonly charge: Charge;
  /** undefined: nothing counts, and there is no counter yet. */
  readonly tally: Tally | undefined;
  readonly time: number;
  readonly used: number;
}

/** More than are added, or the ended ones would pile up. */
const SWEPT_PER_NEW_COUNTER = 2;
/** Looking at a counter is a miss of the processor's cache or three, so where none are added it is done rarely. */
const DECISIONS_PER_SWEPT = 8;
const SWEPT_WHEN_FULL = 64;

const LARGEST_DRIFT_MS = 1000;
let origin = performance.timeOrigin;

/**
 * µs since 1970, counted monotonically: small corrections of the machine's clock do not show. Beyond a second they do,
 * as after a suspend or a start with a wrong clock, because calendar limits end at midnight of the real day.
 */
export function systemMicroseconds(): number {
  const unix = Date.now();
  if (Math.abs(unix - origin - performance.now()) > LARGEST_DRIFT_MS) origin = unix - performance.now();
  return Math.floor((origin + performance.now()) * 1000);
}

/** Counters of this process alone, gone when it ends. */
export class MemoryStore implements CounterStore {
  readonly #now: () => number;
  readonly #table: CounterTable;

  constructor({ now, mostCounters }: MemoryStoreOptions) {
    this.#now = now;
    this.#table = new CounterTable(mostCounters);
  }

  /** Memory is always there. */
  readonly ready = true;

  /** Counters held, those included that have ended but were not yet swept. */
  get size(): number {
    return this.#table.size;
  }

  decide(decisions: readonly Decision[]): Promise<readonly Outcome[]> {
    const clock = this.#now();
    this.#table.sweep(Math.ceil(decisions.length / DECISIONS_PER_SWEPT), clock);
    const before = this.#table.size;
    const outcomes = decisions.map(({ charges }) => this.#decideOne(charges, clock));
    this.#table.sweep((this.#table.size - before) * SWEPT_PER_NEW_COUNTER, clock);
    return Promise.resolve(outcomes);
  }

  #decideOne(asked: readonly Charge[], clock: number): Outcome {
    const { charges, places } = distinctCharges(asked);
    let looks = charges.map((each) => this.#look(each, clock));
    const fits = looks.every(({ charge: { limit, hits }, used }) => used + hits <= limit.requests);
    if (fits && !this.#hasRoomFor(looks)) {
      this.#table.sweep(SWEPT_WHEN_FULL, clock);
      // Again, as a counter that was seen above may be among those that made room.
      looks = charges.map((each) => this.#look(each, clock));
      if (!this.#hasRoomFor(looks)) return refusedForLackOfRoom(asked);
    }
    const outcomes = looks.map((look) => (fits ? this.#grant(look, clock) : refuse(look, clock)));
    return { granted: fits, source: 'memory', charges: spreadOutcomes(outcomes, places) };
  }

  #look(each: Charge, clock: number): Look {
    const tally = this.#table.find(each.limit.identity, each.subject);
    if (tally === undefined) return { charge: each, tally, time: clock, used: 0 };
    const time = timeOf(tally, termOf(each.limit), clock);
    return { charge: each, tally, time, used: usedAt(tally, time) };
  }

  #hasRoomFor(looks: readonly Look[]): boolean {
    let added = 0;
    for (const { tally, charge: each } of looks) if (tally === undefined && each.hits > 0) added++;
    return added === 0 || this.#table.hasRoomFor(added);
  }

  #grant({ charge: { subject, limit, hits }, tally, time, used }: Look, clock: number): ChargeOutcome {
    let charged = tally;
    if (hits > 0) {
      if (charged === undefined) {
        charged = emptyTally();
        this.#table.add(limit.identity, subject, charged);
      }
      charge(charged, termOf(limit), time, hits);
    }
    return {
      exceeded: false,
      remaining: limit.requests - used - hits,
      resetAfter: charged === undefined ? 0 : waitForAll(charged, time, clock),
      retryAfter: undefined,
    };
  }
}

function refuse({ charge: { limit, hits }, tally, time, used }: Look, clock: number): ChargeOutcome {
  const exceeded = used + hits > limit.requests;
  return {
    exceeded,
    remaining: Math.max(0, limit.requests - used),
    resetAfter: tally === undefined ? 0 : waitForAll(tally, time, clock),
    retryAfter: exceeded && tally !== undefined ? waitFor(tally, limit.requests, hits, clock) : undefined,
  };
}

function refusedForLackOfRoom(asked: readonly Charge[]): Outcome {
  const full: ChargeOutcome = { exceeded: true, remaining: 0, resetAfter: 0, retryAfter: undefined };
  return { granted: false, source: 'memory', charges: asked.map(() => full) };
}
