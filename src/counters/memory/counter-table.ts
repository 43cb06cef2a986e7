import { ClockRing } from '../../collections/clock-ring.ts';
import { NONE } from '../../collections/hash-index.ts';
import { roundUpToPowerOfTwo, Slab } from '../../collections/slab.ts';
import type { Charge } from '../../decide/ports.ts';
import { advance, type Counter, emptyCounter, resetAfterMicros } from '../../domain/counting/counter.ts';
import type { CounterSpec } from '../../domain/counting/counter-spec.ts';
import { MAX_PACKED_BYTES, packCounter, unpackCounter } from './packed-counter.ts';
import { SubjectTable } from './subject-table.ts';

/** A limit that has counters. */
interface TableLimit {
  readonly identity: string;
  /** The limit's id in the subject table. */
  readonly id: number;
  /** Spec of the latest access: the numbers of a limit can change under the same identity. */
  spec: CounterSpec;
  counters: number;
}

/** Holds one unpacked counter. Slots are reused by one subject after another. */
class CounterSlot {
  readonly table: CounterTable;
  counter = emptyCounter();
  limit: TableLimit;
  /** Record of the counter's subject. NONE: the slot is free. */
  record: number;
  /** The charge that has this slot as its `storeHandle`: the same object finds the counter without a search. */
  charge: Charge | undefined = undefined;
  /** Whether the counter was accessed lately; for ClockRing. */
  wasUsed = false;

  constructor(table: CounterTable, limit: TableLimit, record: number) {
    this.table = table;
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
 * Packing and unpacking take time, so counters in constant use stay unpacked, at about 1 KB each. There must be more
 * slots than a decision can have charges: otherwise a counter could be packed while its decision still works on it.
 */
const MAX_SLOTS = 4096;
/**
 * The value of a subject says where its counter is: below this, a record of the slab with the packed counter; from this
 * on, this plus the index of a slot.
 */
const SLOT_VALUES = 2 ** 31;

/**
 * All counters of a process, by identity of the limit and by subject. Ended counters, which count nothing any more, are
 * removed a few at a time, so that no call pays for many.
 *
 * A counter is packed into bytes, or unpacked in one of the slots. A counter that is accessed takes a slot; ClockRing
 * says which one, and the counter in it is packed.
 */
export class CounterTable {
  readonly #limits = new Map<string, TableLimit>();
  /** Index: the limit's id. There is no id 0. */
  readonly #limitsById: (TableLimit | undefined)[] = [undefined];
  readonly #freeLimitIds: number[] = [];
  readonly #subjects = new SubjectTable();
  readonly #slab = new Slab({ grainBytes: 32, roundUp: roundUpToPowerOfTwo });
  readonly #maxCounters: number;
  readonly #packBuffer = new Uint8Array(MAX_PACKED_BYTES);
  /** Packed counters are unpacked here to see whether they have ended. */
  readonly #sweepCounter = emptyCounter();
  readonly #slots = new ClockRing<CounterSlot>(MAX_SLOTS);
  #size = 0;
  #sweepCursor = NONE;

  constructor(maxCounters: number) {
    this.#maxCounters = maxCounters;
  }

  /** Number of counters, ended ones included until a sweep finds them. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of the packed counters and of all subjects, without the index. */
  get bytes(): number {
    return this.#slab.bytes + this.#subjects.bytes;
  }

  hasRoomFor(counters: number): boolean {
    return this.#size + counters <= this.#maxCounters;
  }

  /** Returns the counter of a charge, to be changed in place until the next decision. undefined: it has no counter. */
  find(charge: Charge, spec: CounterSpec): Counter | undefined {
    const { storeHandle } = charge;
    if (storeHandle instanceof CounterSlot && storeHandle.charge === charge && storeHandle.table === this) {
      storeHandle.limit.spec = spec;
      storeHandle.wasUsed = true;
      return storeHandle.counter;
    }
    return this.#search(charge, spec);
  }

  /** Adds the counter of a subject that must not have one yet, and owns it from then on. */
  add(identity: string, subject: string, spec: CounterSpec, counter: Counter): void {
    const limit = this.#limits.get(identity) ?? this.#addLimit(identity, spec);
    const index = this.#freeSlot();
    const record = this.#subjects.add(limit.id, subject, SLOT_VALUES + index);
    this.#assignSlot(index, limit, record).counter = counter;
    limit.counters++;
    this.#size++;
  }

  has(identity: string, subject: string): boolean {
    const limit = this.#limits.get(identity);
    return limit !== undefined && this.#subjects.find(limit.id, subject) !== NONE;
  }

  /** Removes the counter of a subject, if it has one. */
  remove(identity: string, subject: string): void {
    const limit = this.#limits.get(identity);
    const record = limit === undefined ? NONE : this.#subjects.find(limit.id, subject);
    if (limit !== undefined && record !== NONE) this.#remove(limit, record);
  }

  /** Visits the next `counters` counters after those of the last sweep, and removes those that ended by `time` (µs). */
  sweep(counters: number, time: number): void {
    for (let visited = 0; visited < counters; visited++) {
      this.#sweepCursor = this.#subjects.after(this.#sweepCursor);
      if (this.#sweepCursor !== NONE) this.#removeIfEnded(this.#sweepCursor, time);
    }
  }

  #search(charge: Charge, spec: CounterSpec): Counter | undefined {
    const limit = this.#limits.get(charge.limit.identity);
    if (limit === undefined) return undefined;
    limit.spec = spec;
    const record = this.#subjects.find(limit.id, charge.subject);
    if (record === NONE) return undefined;
    const slot = this.#slotFor(limit, record);
    if (charge.storeHandle !== undefined) {
      charge.storeHandle = slot;
      slot.charge = charge;
    }
    return slot.counter;
  }

  /** Returns the slot of the subject's counter. A packed counter is unpacked into one first. */
  #slotFor(limit: TableLimit, record: number): CounterSlot {
    const value = this.#subjects.valueAt(record);
    if (value >= SLOT_VALUES) {
      const slot = this.#slotAt(value - SLOT_VALUES);
      slot.wasUsed = true;
      return slot;
    }
    const index = this.#freeSlot();
    const slot = this.#assignSlot(index, limit, record);
    this.#subjects.setValueAt(record, SLOT_VALUES + index);
    this.#unpack(limit, value, slot.counter);
    this.#slab.remove(value);
    return slot;
  }

  #addLimit(identity: string, spec: CounterSpec): TableLimit {
    const id = this.#freeLimitIds.pop() ?? this.#limitsById.length;
    const limit = { identity, id, spec, counters: 0 };
    this.#limits.set(identity, limit);
    this.#limitsById[id] = limit;
    return limit;
  }

  #remove(limit: TableLimit, record: number): void {
    const value = this.#subjects.valueAt(record);
    if (value >= SLOT_VALUES) this.#slotAt(value - SLOT_VALUES).release();
    else this.#slab.remove(value);
    this.#subjects.remove(record);
    this.#size--;
    if (--limit.counters > 0) return;
    this.#limits.delete(limit.identity);
    this.#limitsById[limit.id] = undefined;
    this.#freeLimitIds.push(limit.id);
  }

  #slotAt(index: number): CounterSlot {
    const slot = this.#slots.get(index);
    if (slot === undefined) throw new Error(`slot: must be one that was assigned (got ${index})`);
    return slot;
  }

  /** Frees a slot that was not used lately by packing the counter in it. Returns the slot's index. */
  #freeSlot(): number {
    const index = this.#slots.nextSlot();
    const slot = this.#slots.get(index);
    if (slot !== undefined && slot.record !== NONE) this.#pack(slot);
    return index;
  }

  /**
   * The slot keeps its counter object for the next subject. A new one each time would be garbage that has grown old,
   * which is the most expensive kind.
   */
  #assignSlot(index: number, limit: TableLimit, record: number): CounterSlot {
    let slot = this.#slots.get(index);
    if (slot === undefined) {
      slot = new CounterSlot(this, limit, record);
      this.#slots.set(index, slot);
    }
    slot.limit = limit;
    slot.record = record;
    return slot;
  }

  #pack(slot: CounterSlot): void {
    const { counter, limit, record } = slot;
    const length = packCounter(this.#packBuffer, 0, counter, limit.spec);
    this.#subjects.setValueAt(record, this.#slab.add(this.#packBuffer, length));
    slot.release();
  }

  #removeIfEnded(record: number, time: number): void {
    const limit = this.#limitsById[this.#subjects.limitIdAt(record)];
    if (limit === undefined) return; // the subject was removed
    const value = this.#subjects.valueAt(record);
    const counter = value >= SLOT_VALUES ? this.#slotAt(value - SLOT_VALUES).counter : this.#sweepCounter;
    if (value < SLOT_VALUES) this.#unpack(limit, value, counter);
    advance(counter, limit.spec, time);
    if (resetAfterMicros(counter, limit.spec, time) === 0) this.#remove(limit, record);
  }

  #unpack(limit: TableLimit, packed: number, counter: Counter): void {
    const start = this.#slab.offsetAt(packed);
    unpackCounter(this.#slab.pageAt(packed), start, start + this.#slab.lengthAt(packed), limit.spec, counter);
  }
}
