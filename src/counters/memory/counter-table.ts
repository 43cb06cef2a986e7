import { NONE } from '../../collections/hash-index.ts';
import { powerOfTwo, Slab } from '../../collections/slab.ts';
import type { Charge } from '../../decide/ports.ts';
import { advance, type Counter, emptyCounter, resetAfter } from '../../domain/counting/counter.ts';
import type { CounterSpec } from '../../domain/counting/counter-spec.ts';
import { LONGEST_PACKED, packCounter, unpackCounter } from './packed-counter.ts';
import { SubjectTable } from './subject-table.ts';

/** All counters of one identity. */
interface Family {
  /** The one that was asked for last: a limit may have changed. */
  term: CounterSpec;
  readonly identity: string;
  /** By which its subjects are kept. */
  readonly number: number;
  /** How many counters it has. */
  counters: number;
}

/** One of the counters that are unpacked, in turn of many subjects. */
class Unpacked {
  readonly table: CounterTable;
  counter = emptyCounter();
  family: Family;
  /** Of its subject; NONE: it was forgotten since. */
  place: number;
  /** Who keeps it was told of it, and may ask for it without naming it. */
  charge: Charge | undefined = undefined;
  /** Whether it was asked for since it was last looked at as one to pack. */
  isRecent = false;

  constructor(table: CounterTable, family: Family, place: number) {
    this.table = table;
    this.family = family;
    this.place = place;
  }

  /** What it counted for is forgotten, or packed. */
  leave(): void {
    this.place = NONE;
    this.charge = undefined;
  }
}

/**
 * Packing and unpacking takes time, so what is asked all the time is left unpacked: so many, at about 1 KB each. More
 * than one decision can name, or one that it holds could be packed while it holds it.
 */
const MOST_UNPACKED = 4096;
/** What is kept for a subject is this and the place of its unpacked counter, or the piece of its packed one. */
const UNPACKED = 2 ** 31;

/**
 * The counters of one process: by identity of the limit, then by subject. Counters of which nothing counts any more are
 * forgotten a few at a time, so that no call pays for many.
 */
export class CounterTable {
  readonly #families = new Map<string, Family>();
  /** By their numbers. */
  readonly #numbered: (Family | undefined)[] = [undefined];
  readonly #freeNumbers: number[] = [];
  readonly #subjects = new SubjectTable();
  readonly #slab = new Slab({ grain: 32, size: powerOfTwo });
  readonly #mostCounters: number;
  readonly #packed = new Uint8Array(LONGEST_PACKED);
  readonly #swept = emptyCounter();
  /** Goes round (a clock, as of caches): who was asked for since the last round stays for another. */
  readonly #unpacked: Unpacked[] = [];
  #hand = 0;
  #size = 0;
  #cursor = NONE;

  constructor(mostCounters: number) {
    this.#mostCounters = mostCounters;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes of the packed counters and of all subjects, without the index. */
  get bytes(): number {
    return this.#slab.bytes + this.#subjects.bytes;
  }

  hasRoomFor(counters: number): boolean {
    return this.#size + counters <= this.#mostCounters;
  }

  /** A charge's counter; what is done to it until the next decision is kept. undefined: there is none. */
  find(charge: Charge, term: CounterSpec): Counter | undefined {
    const { storeHandle } = charge;
    if (storeHandle instanceof Unpacked && storeHandle.charge === charge && storeHandle.table === this) {
      storeHandle.family.term = term;
      storeHandle.isRecent = true;
      return storeHandle.counter;
    }
    return this.#search(charge, term);
  }

  /** Takes over the counter of a subject that had none. */
  add(identity: string, subject: string, term: CounterSpec, counter: Counter): void {
    const family = this.#families.get(identity) ?? this.#begin(identity, term);
    const index = this.#nextUnpacked();
    const place = this.#subjects.add(family.number, subject, UNPACKED + index);
    this.#keep(index, family, place).counter = counter;
    family.counters++;
    this.#size++;
  }

  has(identity: string, subject: string): boolean {
    const family = this.#families.get(identity);
    return family !== undefined && this.#subjects.find(family.number, subject) !== NONE;
  }

  /** Forgets a subject's counter, if it has one. */
  remove(identity: string, subject: string): void {
    const family = this.#families.get(identity);
    const place = family === undefined ? NONE : this.#subjects.find(family.number, subject);
    if (family !== undefined && place !== NONE) this.#remove(family, place);
  }

  /** Looks at so many counters, going on from where it stopped last, and forgets those that have ended by `time` (µs). */
  sweep(counters: number, time: number): void {
    for (let looked = 0; looked < counters; looked++) {
      this.#cursor = this.#subjects.after(this.#cursor);
      if (this.#cursor !== NONE) this.#forgetIfEnded(this.#cursor, time);
    }
  }

  #search(charge: Charge, term: CounterSpec): Counter | undefined {
    const family = this.#families.get(charge.limit.identity);
    if (family === undefined) return undefined;
    family.term = term;
    const place = this.#subjects.find(family.number, charge.subject);
    if (place === NONE) return undefined;
    const unpacked = this.#unpackedOf(family, place);
    if (charge.storeHandle !== undefined) {
      charge.storeHandle = unpacked;
      unpacked.charge = charge;
    }
    return unpacked.counter;
  }

  #unpackedOf(family: Family, place: number): Unpacked {
    const kept = this.#subjects.keptAt(place);
    if (kept >= UNPACKED) {
      const unpacked = this.#unpackedAt(kept - UNPACKED);
      unpacked.isRecent = true;
      return unpacked;
    }
    const index = this.#nextUnpacked();
    const unpacked = this.#keep(index, family, place);
    this.#subjects.keepAt(place, UNPACKED + index);
    this.#unpack(family, kept, unpacked.counter);
    this.#slab.remove(kept);
    return unpacked;
  }

  #begin(identity: string, term: CounterSpec): Family {
    const family = { term, identity, number: this.#freeNumbers.pop() ?? this.#numbered.length, counters: 0 };
    this.#families.set(identity, family);
    this.#numbered[family.number] = family;
    return family;
  }

  #remove(family: Family, place: number): void {
    const kept = this.#subjects.keptAt(place);
    if (kept >= UNPACKED) this.#unpackedAt(kept - UNPACKED).leave();
    else this.#slab.remove(kept);
    this.#subjects.remove(place);
    this.#size--;
    if (--family.counters > 0) return;
    this.#families.delete(family.identity);
    this.#numbered[family.number] = undefined;
    this.#freeNumbers.push(family.number);
  }

  #unpackedAt(index: number): Unpacked {
    const unpacked = this.#unpacked[index];
    if (unpacked === undefined) throw new Error(`no counter is unpacked at ${index}`);
    return unpacked;
  }

  /** Where the next one is to be unpacked; what was there is packed. */
  #nextUnpacked(): number {
    for (let other = this.#unpacked[this.#hand]; other?.isRecent === true; other = this.#unpacked[this.#hand]) {
      other.isRecent = false;
      this.#hand = (this.#hand + 1) % MOST_UNPACKED;
    }
    const free = this.#hand;
    this.#hand = (free + 1) % MOST_UNPACKED;
    const left = this.#unpacked[free];
    if (left !== undefined && left.place !== NONE) this.#pack(left);
    return free;
  }

  /** With the counter that was there before: made anew, each would be garbage that has grown old, the dearest kind. */
  #keep(index: number, family: Family, place: number): Unpacked {
    let unpacked = this.#unpacked[index];
    if (unpacked === undefined) {
      unpacked = new Unpacked(this, family, place);
      this.#unpacked[index] = unpacked;
    }
    unpacked.family = family;
    unpacked.place = place;
    return unpacked;
  }

  #pack(unpacked: Unpacked): void {
    const { counter, family, place } = unpacked;
    const length = packCounter(this.#packed, 0, counter, family.term);
    this.#subjects.keepAt(place, this.#slab.add(this.#packed, length));
    unpacked.leave();
  }

  #forgetIfEnded(place: number, time: number): void {
    const family = this.#numbered[this.#subjects.familyAt(place)];
    if (family === undefined) return;
    const kept = this.#subjects.keptAt(place);
    const counter = kept >= UNPACKED ? this.#unpackedAt(kept - UNPACKED).counter : this.#swept;
    if (kept < UNPACKED) this.#unpack(family, kept, counter);
    advance(counter, family.term, time);
    if (resetAfter(counter, family.term, time) === 0) this.#remove(family, place);
  }

  #unpack(family: Family, piece: number, counter: Counter): void {
    const start = this.#slab.startOf(piece);
    unpackCounter(this.#slab.pageOf(piece), start, start + this.#slab.lengthOf(piece), family.term, counter);
  }
}
