import {
  type Counter,
  charge,
  emptyCounter,
  follow,
  freeOf,
  giveBack,
  noteRefusal,
  untilAllFree,
  untilFit,
} from '../../core/counter.ts';
import { type Term, termOf } from '../../core/term.ts';
import {
  type Charge,
  type ChargeOutcome,
  type CounterStore,
  type Decision,
  type Outcome,
  type Receipt,
  type Source,
  StoreUnavailable,
} from '../../decide/ports.ts';
import { distinctCharges, spreadOutcomes } from '../distinct-charges.ts';
import { CounterTable, type Family } from './counter-table.ts';

export interface MemoryStoreOptions {
  /** µs since 1970; it should not be set: a counter that ended is forgotten, and with it what a step back would undo. */
  readonly now: () => number;
  /**
   * Beyond so many live counters, a decision that needs a new one is StoreUnavailable. Live counters are never dropped:
   * that would give their subjects the whole limit again.
   */
  readonly mostCounters: number;
  /** What its outcomes tell as their source. */
  readonly source: Source;
}

/** One counter during a decision. */
interface Look {
  charge: Charge;
  term: Term;
  family: Family;
  isNew: boolean;
  free: number;
  counter: Counter;
}

/** More than are added, or the ended ones would pile up. */
const SWEPT_PER_NEW_COUNTER = 2;
/** Looking at a counter is a miss of the processor's cache or three, so where none are added it is done rarely. */
const DECISIONS_PER_SWEPT = 8;
const SWEPT_WHEN_FULL = 64;

/** That a receipt was given back is a counter too, blocked until the receipt could not be given back anyhow. */
const GIVEN_BACK = 'given-back';
const GIVEN_BACK_TERM: Term = {
  kind: 'span',
  requests: 0,
  resolution: 1,
  life: 0,
  block: Number.MAX_SAFE_INTEGER,
};

/** Counters of this process alone, gone when it ends. */
export class MemoryStore implements CounterStore {
  readonly #now: () => number;
  readonly #table: CounterTable;
  readonly #source: Source;
  /** Used again by every decision. */
  readonly #looks: Look[] = [];

  constructor({ now, mostCounters, source }: MemoryStoreOptions) {
    this.#now = now;
    this.#table = new CounterTable(mostCounters);
    this.#source = source;
  }

  /** Memory is always there. */
  readonly ready = true;

  /** Counters held, those included that have ended but were not yet swept. */
  get size(): number {
    return this.#table.size;
  }

  /** Bytes that they take, without their names and the maps that find them. */
  get bytes(): number {
    return this.#table.bytes;
  }

  decide(decisions: readonly Decision[]): Promise<readonly (Outcome | StoreUnavailable)[]> {
    const clock = this.#now();
    this.#table.sweep(Math.ceil(decisions.length / DECISIONS_PER_SWEPT), clock);
    const before = this.#table.size;
    const outcomes = decisions.map(({ charges }) => this.#decideOne(charges, clock));
    this.#table.sweep((this.#table.size - before) * SWEPT_PER_NEW_COUNTER, clock);
    return Promise.resolve(outcomes);
  }

  giveBack(receipts: readonly Receipt[]): Promise<readonly number[]> {
    const clock = this.#now();
    return Promise.resolve(receipts.map((receipt) => this.#giveBackOne(receipt, clock)));
  }

  #decideOne(asked: readonly Charge[], clock: number): Outcome | StoreUnavailable {
    const { charges, places } = distinctCharges(asked);
    let fits = this.#lookAtAll(charges, clock);
    if (fits && !this.#hasRoomFor(charges.length)) {
      this.#table.sweep(SWEPT_WHEN_FULL, clock);
      // Again, as a counter that was seen above may be among those that made room.
      fits = this.#lookAtAll(charges, clock);
      if (!this.#hasRoomFor(charges.length)) return new StoreUnavailable('no room for more counters in memory');
    }
    const outcomes = charges.map((_, place) => {
      const look = this.#look(place);
      return fits ? this.#grant(look, clock) : this.#refuse(look, clock);
    });
    return { granted: fits, source: this.#source, charges: spreadOutcomes(outcomes, places) };
  }

  /** Whether all fit. */
  #lookAtAll(charges: readonly Charge[], clock: number): boolean {
    let fits = true;
    for (let place = 0; place < charges.length; place++) {
      const each = charges[place];
      if (each === undefined) continue;
      const look = this.#lookAt(place, each, clock);
      if (each.settles !== true && look.free < each.hits) fits = false;
    }
    return fits;
  }

  #lookAt(place: number, each: Charge, clock: number): Look {
    const term = termOf(each.limit, clock);
    const family = this.#table.family(each.limit.identity, term);
    const look = this.#lookInto(place, each, term, family);
    const found = this.#table.find(family, each.subject);
    look.isNew = found === undefined;
    look.counter = found ?? emptyCounter();
    follow(look.counter, term, clock);
    look.free = freeOf(look.counter, term);
    return look;
  }

  #lookInto(place: number, each: Charge, term: Term, family: Family): Look {
    const known = this.#looks[place];
    if (known === undefined) {
      const look = { charge: each, term, family, isNew: true, free: 0, counter: emptyCounter() };
      this.#looks[place] = look;
      return look;
    }
    known.charge = each;
    known.term = term;
    known.family = family;
    return known;
  }

  #look(place: number): Look {
    const look = this.#looks[place];
    if (look === undefined) throw new Error('a charge was decided before it was looked at');
    return look;
  }

  #hasRoomFor(charges: number): boolean {
    let added = 0;
    for (let place = 0; place < charges; place++) {
      const { isNew, charge: each } = this.#look(place);
      if (isNew && each.hits > 0) added++;
    }
    return added === 0 || this.#table.hasRoomFor(added);
  }

  #grant({ charge: { subject, hits, ahead = 0 }, term, family, isNew, counter }: Look, clock: number): ChargeOutcome {
    if (hits > 0) {
      charge(counter, term, clock + ahead, hits);
      if (isNew) this.#table.add(family, subject, counter);
    }
    const resetAfter = untilAllFree(counter, term, clock);
    return {
      exceeded: false,
      remaining: Math.max(0, freeOf(counter, term)),
      resetAfter,
      freeAt: clock + resetAfter,
      retryAfter: undefined,
    };
  }

  #refuse({ charge: each, term, family, isNew, free, counter }: Look, clock: number): ChargeOutcome {
    const exceeded = each.settles !== true && free < each.hits;
    const canNote = each.hits > 0 && (!isNew || this.#table.hasRoomFor(1));
    if (exceeded && canNote && noteRefusal(counter, term, clock) && isNew) {
      this.#table.add(family, each.subject, counter);
    }
    const promises = exceeded && each.limit.algorithm !== 'concurrency';
    const resetAfter = untilAllFree(counter, term, clock);
    return {
      exceeded,
      remaining: Math.max(0, freeOf(counter, term)),
      resetAfter,
      freeAt: clock + resetAfter,
      retryAfter: promises ? untilFit(counter, term, each.hits, clock) : undefined,
    };
  }

  #giveBackOne({ id, expires, taken }: Receipt, clock: number): number {
    if (expires <= clock || (id !== undefined && !this.#isFirstTime(id, expires, clock))) return 0;
    let freed = 0;
    for (const { charge: each, end } of taken) {
      const { term, isNew, counter } = this.#lookAt(0, each, clock);
      if (!isNew && end > clock) freed += giveBack(counter, term, end, each.hits);
    }
    return freed;
  }

  /** Notes that the receipt is given back. Where there is no room to note it, it counts as given back before. */
  #isFirstTime(id: string, expires: number, clock: number): boolean {
    if (!this.#table.hasRoomFor(1)) this.#table.sweep(SWEPT_WHEN_FULL, clock);
    // Not before: sweeping forgets families that are empty.
    const family = this.#table.family(GIVEN_BACK, GIVEN_BACK_TERM);
    if (family.counters.has(id) || !this.#table.hasRoomFor(1)) return false;
    const mark = emptyCounter();
    mark.blockedUntil = expires;
    this.#table.add(family, id, mark);
    return true;
  }
}
