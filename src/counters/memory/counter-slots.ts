import { ClockRing } from '../../collections/clock-ring.ts';
import { NONE } from '../../collections/hash-index.ts';
import type { Charge } from '../../decide/ports.ts';
import { type Counter, emptyCounter } from '../../domain/counting/counter.ts';
import type { CounterSpec } from '../../domain/counting/counter-spec.ts';

/** A limit that has counters. */
export interface TableLimit {
  readonly identity: string;
  /** The limit's id in the subject table. */
  readonly id: number;
  /** Spec of the latest access: the numbers of a limit can change under the same identity. */
  spec: CounterSpec;
  counters: number;
}

/** Holds one unpacked counter. Slots are reused by one subject after another. */
export class CounterSlot {
  readonly owner: CounterSlots;
  counter: Counter = emptyCounter();
  limit: TableLimit;
  /** Record of the counter's subject. NONE: the slot is free. */
  record: number;
  /** The charge that has this slot as its `storeHandle`: the same object finds the counter without a search. */
  charge: Charge | undefined = undefined;
  /** Whether the counter was accessed again since it got the slot, or since the hand of the ring passed it. */
  wasUsed = false;
  /** The last decision that accessed the counter. */
  decision = 0;
  /** Whether the slot is one of those that new counters take first. */
  isForNewcomers = false;

  constructor(owner: CounterSlots, limit: TableLimit, record: number) {
    this.owner = owner;
    this.limit = limit;
    this.record = record;
  }

  /** Frees the slot, after its counter was packed or removed. */
  release(): void {
    this.record = NONE;
    this.charge = undefined;
  }
}

/**
 * Packing and unpacking take time, so counters in constant use stay unpacked, at about 1 KB each. There must be many more
 * slots than a decision can have charges.
 */
const MAX_SLOTS = 4096;
/**
 * Slots that counters take which were not accessed lately. Few, so that they stay in the processor's cache: if more
 * subjects come in turn than there are slots, none of their counters is accessed again before it is packed.
 */
const SLOTS_FOR_NEWCOMERS = 64;
/** One of so many newcomers takes another counter's slot at once. Otherwise a new set of subjects would never get them. */
const NEWCOMERS_PER_EVICTION = 16;

/** Chooses the slot that a counter takes. A counter that is accessed again soon keeps its slot by the CLOCK algorithm. */
export class CounterSlots {
  readonly #ring = new ClockRing<CounterSlot>(MAX_SLOTS);
  /** Indexes of the slots for newcomers, which are used in turn. */
  readonly #forNewcomers: number[] = [];
  #nextNewcomer = 0;
  #newcomers = 0;
  #decision = 0;

  /** Counters that are accessed from now on keep their slots until the next call. */
  beginDecision(): void {
    this.#decision++;
  }

  at(index: number): CounterSlot {
    const slot = this.#ring.get(index);
    if (slot === undefined) throw new Error(`slot: must be one that was assigned (got ${index})`);
    return slot;
  }

  recordUse(slot: CounterSlot): void {
    slot.wasUsed = true;
    slot.decision = this.#decision;
  }

  /** Returns the index of the slot to assign next. The caller first packs the counter that is in it. */
  findFree(): number {
    const isFull = this.#ring.get(MAX_SLOTS - 1) !== undefined;
    return isFull && this.#newcomers++ % NEWCOMERS_PER_EVICTION > 0 ? this.#chooseForNewcomer() : this.#evict();
  }

  /** undefined: no counter has been in this slot. */
  get(index: number): CounterSlot | undefined {
    return this.#ring.get(index);
  }

  /**
   * The slot keeps its counter object for the next subject. A new one each time would be garbage that has grown old,
   * which is the most expensive kind.
   */
  assign(index: number, limit: TableLimit, record: number): CounterSlot {
    let slot = this.#ring.get(index);
    if (slot === undefined) {
      slot = new CounterSlot(this, limit, record);
      this.#ring.set(index, slot);
    }
    slot.limit = limit;
    slot.record = record;
    slot.wasUsed = false;
    slot.decision = this.#decision;
    return slot;
  }

  #chooseForNewcomer(): number {
    const position = this.#nextNewcomer;
    this.#nextNewcomer = (position + 1) % SLOTS_FOR_NEWCOMERS;
    const index = this.#forNewcomers[position];
    if (index !== undefined) {
      const slot = this.at(index);
      if (!slot.wasUsed && slot.decision !== this.#decision) return index;
      slot.isForNewcomers = false; // its counter keeps it
    }
    const evicted = this.#evict();
    this.at(evicted).isForNewcomers = true;
    this.#forNewcomers[position] = evicted;
    return evicted;
  }

  /** Passes over counters of the current decision: where all others were used, the ring would choose one of them. */
  #evict(): number {
    for (let tries = 0; tries < 2 * MAX_SLOTS; tries++) {
      const index = this.#ring.nextSlot();
      const slot = this.#ring.get(index);
      if (slot === undefined || (slot.decision !== this.#decision && !slot.isForNewcomers)) return index;
    }
    throw new Error(`decision: must have at most ${MAX_SLOTS - SLOTS_FOR_NEWCOMERS} counters`);
  }
}
