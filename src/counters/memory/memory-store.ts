import {
  type Charge,
  type ChargeOutcome,
  type Correction,
  type CounterStore,
  type Decision,
  type DecisionResult,
  type Outcome,
  type Receipt,
  type Source,
  StoreUnavailable,
} from '../../decide/ports.ts';
import {
  advance,
  available,
  blockManually,
  type Counter,
  charge,
  emptyCounter,
  endBlock,
  recordRejection,
  refund,
  resetAfter,
  retryAfter,
} from '../../domain/counting/counter.ts';
import { type CounterSpec, counterSpec } from '../../domain/counting/counter-spec.ts';
import { distinctCharges, spreadOutcomes } from '../distinct-charges.ts';
import { CounterTable } from './counter-table.ts';

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
  readonly charge: Charge;
  readonly term: CounterSpec;
  readonly counter: Counter;
  /** It is not in the table yet. */
  readonly isNew: boolean;
  readonly free: number;
}

/** More than are added, or the ended ones would pile up. */
const SWEPT_PER_NEW_COUNTER = 2;
/** Looking at a counter is a miss of the processor's cache or three, so where none are added it is done rarely. */
const DECISIONS_PER_SWEPT = 8;
const SWEPT_WHEN_FULL = 64;

/** That a receipt was given back is a counter too, blocked until the receipt could not be given back anyhow. */
const GIVEN_BACK = 'given-back';
const GIVEN_BACK_TERM: CounterSpec = {
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
  /** Decisions for which nothing was swept yet. */
  #unswept = 0;

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

  /** Bytes that they and their names take, without the index that finds them. */
  get bytes(): number {
    return this.#table.bytes;
  }

  decide(decisions: readonly Decision[]): readonly DecisionResult[] {
    const clock = this.#now();
    this.#unswept += decisions.length;
    this.#table.sweep(Math.floor(this.#unswept / DECISIONS_PER_SWEPT), clock);
    this.#unswept %= DECISIONS_PER_SWEPT;
    const before = this.#table.size;
    const outcomes = decisions.map(({ charges }) => this.#decideOne(charges, clock));
    this.#table.sweep((this.#table.size - before) * SWEPT_PER_NEW_COUNTER, clock);
    return outcomes;
  }

  refund(receipts: readonly Receipt[]): Promise<readonly (number | undefined)[]> {
    const clock = this.#now();
    return Promise.resolve(receipts.map((receipt) => this.#giveBackOne(receipt, clock)));
  }

  correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]> {
    const clock = this.#now();
    return Promise.resolve(corrections.map((correction) => this.#correctOne(correction, clock)));
  }

  #decideOne(asked: readonly Charge[], clock: number): Outcome | StoreUnavailable {
    const { charges, places } = distinctCharges(asked);
    let looks = charges.map((each) => this.#lookAt(each, clock));
    let granted = looks.every(fits);
    if (granted && !this.#hasRoomFor(looks)) {
      this.#table.sweep(SWEPT_WHEN_FULL, clock);
      // Again, as a counter that was seen above may be among those that made room.
      looks = charges.map((each) => this.#lookAt(each, clock));
      granted = looks.every(fits);
      if (!this.#hasRoomFor(looks)) return new StoreUnavailable('no room for more counters in memory');
    }
    const outcomes = looks.map((look) => (granted ? this.#grant(look, clock) : this.#refuse(look, clock)));
    return { granted, source: this.#source, charges: spreadOutcomes(outcomes, places) };
  }

  #lookAt(each: Charge, clock: number): Look {
    const term = counterSpec(each.limit, clock);
    const found = this.#table.find(each, term);
    const counter = found ?? emptyCounter();
    advance(counter, term, clock);
    return { charge: each, term, counter, isNew: found === undefined, free: available(counter, term) };
  }

  #hasRoomFor(looks: readonly Look[]): boolean {
    let added = 0;
    for (const { isNew, charge: each } of looks) if (isNew && each.hits > 0) added++;
    return added === 0 || this.#table.hasRoomFor(added);
  }

  #grant({ charge: asked, term, isNew, counter }: Look, clock: number): ChargeOutcome {
    const { hits, spentWithinMicros = 0 } = asked;
    if (hits > 0) {
      charge(counter, term, clock + spentWithinMicros, hits);
      if (isNew) this.#table.add(asked.limit.identity, asked.subject, term, counter);
    }
    const untilReset = resetAfter(counter, term, clock);
    return {
      exceeded: false,
      remaining: Math.max(0, available(counter, term)),
      resetAfter: untilReset,
      freeAt: clock + untilReset,
      retryAfter: undefined,
      blockedFor: undefined,
    };
  }

  #refuse(look: Look, clock: number): ChargeOutcome {
    const { charge: each, term, isNew, counter } = look;
    const exceeded = !fits(look);
    const canNote = each.hits > 0 && (!isNew || this.#table.hasRoomFor(1));
    if (exceeded && canNote && recordRejection(counter, term, clock) && isNew) {
      this.#table.add(each.limit.identity, each.subject, term, counter);
    }
    const promises = exceeded && each.limit.algorithm !== 'concurrency';
    const untilReset = resetAfter(counter, term, clock);
    return {
      exceeded,
      remaining: Math.max(0, available(counter, term)),
      resetAfter: untilReset,
      freeAt: clock + untilReset,
      retryAfter: promises ? retryAfter(counter, term, each.hits, clock) : undefined,
      blockedFor: exceeded && counter.blockedUntil > clock ? counter.blockedUntil - clock : undefined,
    };
  }

  #correctOne({ subject, limit, change }: Correction, clock: number): StoreUnavailable | undefined {
    if (change.kind === 'block' && !this.#table.hasRoomFor(1)) this.#table.sweep(SWEPT_WHEN_FULL, clock);
    const { term, counter, isNew } = this.#lookAt({ subject, limit, hits: 0 }, clock);
    if (change.kind === 'reset') this.#table.remove(limit.identity, subject);
    else if (change.kind === 'unblock') endBlock(counter);
    else {
      if (isNew && !this.#table.hasRoomFor(1)) return new StoreUnavailable('no room for more counters in memory');
      blockManually(counter, clock + change.microseconds);
      if (isNew) this.#table.add(limit.identity, subject, term, counter);
    }
    return undefined;
  }

  #giveBackOne({ id, expires, granted }: Receipt, clock: number): number | undefined {
    if (expires <= clock || (id !== undefined && !this.#isFirstTime(id, expires, clock))) return undefined;
    let freed = 0;
    for (const { charge: each, end } of granted) {
      const { term, isNew, counter } = this.#lookAt(each, clock);
      if (!isNew && end > clock) freed += refund(counter, term, end, each.hits);
    }
    return freed;
  }

  /** Notes that the receipt is given back. Where there is no room to note it, it counts as given back before. */
  #isFirstTime(id: string, expires: number, clock: number): boolean {
    if (!this.#table.hasRoomFor(1)) this.#table.sweep(SWEPT_WHEN_FULL, clock);
    if (this.#table.has(GIVEN_BACK, id) || !this.#table.hasRoomFor(1)) return false;
    const mark = emptyCounter();
    mark.blockedUntil = expires;
    this.#table.add(GIVEN_BACK, id, GIVEN_BACK_TERM, mark);
    return true;
  }
}

function fits({ charge: { hits, isSettlement }, free }: Look): boolean {
  return isSettlement === true || hits <= free;
}
