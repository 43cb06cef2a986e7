import { NONE } from '../../collections/hash-index.ts';
import { roundUpToPowerOfTwo, Slab } from '../../collections/slab.ts';
import type { Charge } from '../../decide/ports.ts';
import { advance, type Counter, emptyCounter, resetAfterMicros } from '../../domain/counting/counter.ts';
import type { CounterSpec } from '../../domain/counting/counter-spec.ts';
import type { CounterRoom } from './counter-room.ts';
import { CounterSlot, CounterSlots, type TableLimit } from './counter-slots.ts';
import { MAX_PACKED_BYTES, packCounter, unpackCounter } from './packed-counter.ts';
import type { StoredCounter } from './stored-counter.ts';
import { SubjectTable } from './subject-table.ts';

/**
 * The value of a subject says where its counter is: below this, a record of the slab with the packed counter; from this
 * on, this plus the index of a slot.
 */
const SLOT_VALUES = 2 ** 31;

/**
 * All counters of a process, by identity of the limit and by subject. Ended counters, which count nothing any more, are
 * removed a few at a time, so that no call pays for many.
 *
 * A counter is packed into bytes, or unpacked in one of the slots. A counter that is accessed takes a slot; CounterSlots
 * says which one, and the counter in it is packed.
 */
export class CounterTable {
  readonly #limits = new Map<string, TableLimit>();
  /** Index: the limit's id. There is no id 0. */
  readonly #limitsById: (TableLimit | undefined)[] = [undefined];
  readonly #freeLimitIds: number[] = [];
  readonly #subjects = new SubjectTable();
  readonly #slab = new Slab({ grainBytes: 32, roundUp: roundUpToPowerOfTwo });
  readonly #room: CounterRoom;
  readonly #packBuffer = new Uint8Array(MAX_PACKED_BYTES);
  /** Packed counters are unpacked here to be read. */
  readonly #scratchCounter = emptyCounter();
  readonly #slots = new CounterSlots();
  #sweepCursor = NONE;

  constructor(room: CounterRoom) {
    this.#room = room;
  }

  /** Number of counters, ended ones included until a sweep finds them. */
  get size(): number {
    return this.#room.size;
  }

  /** Bytes of the packed counters and of all subjects, without the index. */
  get bytes(): number {
    return this.#slab.bytes + this.#subjects.bytes;
  }

  /** The counters that `find` returned before may be packed from now on. Call it before each decision. */
  beginDecision(): void {
    this.#slots.beginDecision();
  }

  /** Returns the counter of a charge, to be changed in place until the next decision. undefined: it has no counter. */
  find(charge: Charge, spec: CounterSpec): Counter | undefined {
    const { storeHandle } = charge;
    if (storeHandle instanceof CounterSlot && storeHandle.charge === charge && storeHandle.owner === this.#slots) {
      storeHandle.limit.spec = spec;
      this.#slots.recordUse(storeHandle);
      return storeHandle.counter;
    }
    return this.#search(charge, spec);
  }

  /** Adds the counter of a subject that must not have one yet, and owns it from then on. */
  add(identity: string, subject: string, spec: CounterSpec, counter: Counter): void {
    const limit = this.#limits.get(identity) ?? this.#addLimit(identity, spec);
    const index = this.#freeSlot();
    const record = this.#subjects.add(limit.id, subject, SLOT_VALUES + index);
    this.#slots.assign(index, limit, record).counter = counter;
    limit.counters++;
    this.#room.add(subject);
  }

  /** Yields all counters that have not ended by `time` (µs). The table must not change meanwhile. */
  *export(time: number): Generator<StoredCounter> {
    for (let record = this.#subjects.after(NONE); record !== NONE; record = this.#subjects.after(record)) {
      const limit = this.#limitsById[this.#subjects.limitIdAt(record)];
      if (limit === undefined) continue; // the subject was removed
      const counter = this.#peek(limit, record);
      if (hasEnded(counter, limit.spec, time)) continue;
      const length = packCounter(this.#packBuffer, 0, counter, limit.spec);
      const { identity, spec } = limit;
      yield { identity, spec, subject: this.#subjects.keptAt(record), packed: this.#packBuffer.slice(0, length) };
    }
  }

  /** Adds a counter that another table exported, unless it has ended by `time` (µs). Returns whether it was added. */
  import({ identity, spec, subject, packed }: StoredCounter, time: number): boolean {
    unpackCounter(packed, 0, packed.length, spec, this.#scratchCounter);
    if (hasEnded(this.#scratchCounter, spec, time)) return false;
    const limit = this.#limits.get(identity) ?? this.#addLimit(identity, spec);
    const length = packCounter(this.#packBuffer, 0, this.#scratchCounter, spec);
    this.#subjects.addKept(limit.id, subject, this.#slab.add(this.#packBuffer, length));
    limit.counters++;
    this.#room.add(subject.isDigest ? undefined : subject.text);
    return true;
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
      const slot = this.#slots.at(value - SLOT_VALUES);
      this.#slots.recordUse(slot);
      return slot;
    }
    const index = this.#freeSlot();
    const slot = this.#slots.assign(index, limit, record);
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
    if (value >= SLOT_VALUES) this.#slots.at(value - SLOT_VALUES).release();
    else this.#slab.remove(value);
    this.#room.remove(this.#subjects.textAt(record));
    this.#subjects.remove(record);
    if (--limit.counters > 0) return;
    this.#limits.delete(limit.identity);
    this.#limitsById[limit.id] = undefined;
    this.#freeLimitIds.push(limit.id);
  }

  /** Packs the counter in a slot that was not used lately. Returns the slot's index. */
  #freeSlot(): number {
    const index = this.#slots.findFree();
    const slot = this.#slots.get(index);
    if (slot !== undefined && slot.record !== NONE) this.#pack(slot);
    return index;
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
    if (hasEnded(this.#peek(limit, record), limit.spec, time)) this.#remove(limit, record);
  }

  /** Returns a counter without giving it a slot. It is valid until the next call. */
  #peek(limit: TableLimit, record: number): Counter {
    const value = this.#subjects.valueAt(record);
    if (value >= SLOT_VALUES) return this.#slots.at(value - SLOT_VALUES).counter;
    this.#unpack(limit, value, this.#scratchCounter);
    return this.#scratchCounter;
  }

  #unpack(limit: TableLimit, packed: number, counter: Counter): void {
    const start = this.#slab.offsetAt(packed);
    unpackCounter(this.#slab.pageAt(packed), start, start + this.#slab.lengthAt(packed), limit.spec, counter);
  }
}

/** Brings a counter up to a time, in µs. Returns whether it counts nothing any more. */
function hasEnded(counter: Counter, spec: CounterSpec, time: number): boolean {
  advance(counter, spec, time);
  return resetAfterMicros(counter, spec, time) === 0;
}
