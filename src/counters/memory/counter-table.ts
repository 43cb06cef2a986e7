import { type Counter, emptyCounter, follow, untilAllFree } from '../../core/counter.ts';
import type { Term } from '../../core/term.ts';
import { LONGEST_PACKED, packCounter, unpackCounter } from './packed-counter.ts';
import { Slab } from './slab.ts';

/** All counters of one identity; by subject, where its bytes are. */
export interface Family {
  /** The one that was asked for last: a limit may have changed. */
  term: Term;
  readonly pieces: Map<string, number>;
}

/**
 * The counters of one process: by identity of the limit, then by subject, which saves building a joined key for every
 * look-up. Counters of which nothing counts any more are forgotten a few at a time, so that no call pays for many.
 */
export class CounterTable {
  readonly #families = new Map<string, Family>();
  readonly #slab = new Slab();
  readonly #mostCounters: number;
  readonly #packed = new Uint8Array(LONGEST_PACKED);
  readonly #swept = emptyCounter();
  #size = 0;
  #rounds = this.#families.entries();
  #identity = '';
  #family: Family | undefined;
  #cursor: Iterator<[string, number]> = new Map<string, number>().entries();

  constructor(mostCounters: number) {
    this.#mostCounters = mostCounters;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes of the counters, without their names and the maps that find them. */
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
    const family = { term, pieces: new Map<string, number>() };
    this.#families.set(identity, family);
    return family;
  }

  /** Reads a subject's counter into `counter`; false, with that untouched, where there is none. */
  read(family: Family, subject: string, counter: Counter): boolean {
    const piece = family.pieces.get(subject);
    if (piece === undefined) return false;
    this.#unpack(family, piece, counter);
    return true;
  }

  write(family: Family, subject: string, counter: Counter): void {
    const length = packCounter(this.#packed, 0, counter, family.term);
    const piece = family.pieces.get(subject);
    if (piece === undefined) {
      family.pieces.set(subject, this.#slab.add(this.#packed, length));
      this.#size++;
      return;
    }
    const replaced = this.#slab.replace(piece, this.#packed, length);
    if (replaced !== piece) family.pieces.set(subject, replaced);
  }

  /** Looks at so many counters, going on from where it stopped last, and forgets those that have ended by `time` (µs). */
  sweep(counters: number, time: number): void {
    for (let looked = 0; looked < counters; looked++) {
      const next = this.#cursor.next();
      if (next.done === true || this.#family === undefined) this.#nextFamily();
      else this.#forgetIfEnded(this.#family, next.value, time);
    }
  }

  #forgetIfEnded(family: Family, [subject, piece]: readonly [string, number], time: number): void {
    this.#unpack(family, piece, this.#swept);
    follow(this.#swept, family.term, time);
    if (untilAllFree(this.#swept, family.term, time) > 0) return;
    family.pieces.delete(subject);
    this.#slab.remove(piece);
    this.#size--;
  }

  #unpack(family: Family, piece: number, counter: Counter): void {
    const start = this.#slab.startOf(piece);
    unpackCounter(this.#slab.pageOf(piece), start, start + this.#slab.lengthOf(piece), family.term, counter);
  }

  #nextFamily(): void {
    if (this.#family?.pieces.size === 0) this.#families.delete(this.#identity);
    let round = this.#rounds.next();
    if (round.done === true) {
      this.#rounds = this.#families.entries();
      round = this.#rounds.next();
    }
    this.#family = undefined;
    if (round.done === true) return;
    [this.#identity, this.#family] = round.value;
    this.#cursor = this.#family.pieces.entries();
  }
}
