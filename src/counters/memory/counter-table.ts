import { type Counter, emptyCounter, follow, untilAllFree } from '../../core/limits/counter.ts';
import type { Term } from '../../core/limits/term.ts';
import { powerOfTwo, Slab } from '../../core/slab.ts';
import { LONGEST_PACKED, packCounter, unpackCounter } from './packed-counter.ts';

/** All counters of one identity; by subject, where its bytes are, or the counter while it is unpacked. */
export interface Family {
  /** The one that was asked for last: a limit may have changed. */
  term: Term;
  readonly counters: Map<string, number | Unpacked>;
}

interface Unpacked {
  readonly family: Family;
  readonly subject: string;
  readonly counter: Counter;
  /** Whether it was asked for since it was last looked at as one to pack. */
  isRecent: boolean;
}

/**
 * Packing and unpacking costs more than a decision, so what is asked all the time is left unpacked: so many, at about 1 KB
 * each. More than one decision can name, or one that it holds could be packed while it holds it.
 */
const MOST_UNPACKED = 4096;

/**
 * The counters of one process: by identity of the limit, then by subject, which saves building a joined key for every
 * look-up. Counters of which nothing counts any more are forgotten a few at a time, so that no call pays for many.
 */
export class CounterTable {
  readonly #families = new Map<string, Family>();
  readonly #slab = new Slab({ grain: 32, size: powerOfTwo });
  readonly #mostCounters: number;
  readonly #packed = new Uint8Array(LONGEST_PACKED);
  readonly #swept = emptyCounter();
  /** Goes round (a clock, as of caches): who was asked for since the last round stays for another. */
  readonly #unpacked: (Unpacked | undefined)[] = Array.from({ length: MOST_UNPACKED });
  #hand = 0;
  #size = 0;
  #rounds = this.#families.entries();
  #identity = '';
  #family: Family | undefined;
  #cursor: Iterator<[string, number | Unpacked]> = new Map<string, number>().entries();

  constructor(mostCounters: number) {
    this.#mostCounters = mostCounters;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes of the packed counters, without their names and the maps that find them. */
  get bytes(): number {
    return this.#slab.bytes;
  }

  hasRoomFor(counters: number): boolean {
    return this.#size + counters <= this.#mostCounters;
  }

  family(identity: string, term: Term): Family {
    const known = this.#families.get(identity);
    if (known !== undefined) {
      known.term = term;
      return known;
    }
    const family = { term, counters: new Map<string, number | Unpacked>() };
    this.#families.set(identity, family);
    return family;
  }

  /** A subject's counter; what is done to it until the next decision is kept. undefined: there is none. */
  find(family: Family, subject: string): Counter | undefined {
    const kept = family.counters.get(subject);
    if (kept === undefined) return undefined;
    if (typeof kept !== 'number') {
      kept.isRecent = true;
      return kept.counter;
    }
    const counter = emptyCounter();
    this.#unpack(family, kept, counter);
    this.#slab.remove(kept);
    this.#keep({ family, subject, counter, isRecent: false });
    return counter;
  }

  /** Takes over a counter of a subject that had none. */
  add(family: Family, subject: string, counter: Counter): void {
    this.#keep({ family, subject, counter, isRecent: false });
    this.#size++;
  }

  /** Forgets a subject's counter, if it has one. */
  remove(family: Family, subject: string): void {
    const kept = family.counters.get(subject);
    if (kept === undefined) return;
    family.counters.delete(subject);
    if (typeof kept === 'number') this.#slab.remove(kept);
    this.#size--;
  }

  /** Looks at so many counters, going on from where it stopped last, and forgets those that have ended by `time` (µs). */
  sweep(counters: number, time: number): void {
    for (let looked = 0; looked < counters; looked++) {
      const next = this.#cursor.next();
      if (next.done === true || this.#family === undefined) this.#nextFamily();
      else this.#forgetIfEnded(this.#family, next.value, time);
    }
  }

  #keep(unpacked: Unpacked): void {
    for (let other = this.#unpacked[this.#hand]; other?.isRecent === true; other = this.#unpacked[this.#hand]) {
      other.isRecent = false;
      this.#hand = (this.#hand + 1) % MOST_UNPACKED;
    }
    const left = this.#unpacked[this.#hand];
    if (left !== undefined) this.#pack(left);
    this.#unpacked[this.#hand] = unpacked;
    this.#hand = (this.#hand + 1) % MOST_UNPACKED;
    unpacked.family.counters.set(unpacked.subject, unpacked);
  }

  #pack(unpacked: Unpacked): void {
    const { family, subject, counter } = unpacked;
    if (family.counters.get(subject) !== unpacked) return; // forgotten since
    const length = packCounter(this.#packed, 0, counter, family.term);
    family.counters.set(subject, this.#slab.add(this.#packed, length));
  }

  #forgetIfEnded(family: Family, [subject, kept]: readonly [string, number | Unpacked], time: number): void {
    const counter = typeof kept === 'number' ? this.#swept : kept.counter;
    if (typeof kept === 'number') this.#unpack(family, kept, counter);
    follow(counter, family.term, time);
    if (untilAllFree(counter, family.term, time) === 0) this.remove(family, subject);
  }

  #unpack(family: Family, piece: number, counter: Counter): void {
    const start = this.#slab.startOf(piece);
    unpackCounter(this.#slab.pageOf(piece), start, start + this.#slab.lengthOf(piece), family.term, counter);
  }

  #nextFamily(): void {
    if (this.#family?.counters.size === 0) this.#families.delete(this.#identity);
    let round = this.#rounds.next();
    if (round.done === true) {
      this.#rounds = this.#families.entries();
      round = this.#rounds.next();
    }
    this.#family = undefined;
    if (round.done === true) return;
    [this.#identity, this.#family] = round.value;
    this.#cursor = this.#family.counters.entries();
  }
}
