import { lastEnd, type Tally } from '../../core/tally.ts';

type Family = Map<string, Tally>;

/**
 * The counters of one process: by identity of the limit, then by subject, which saves building a joined key for every
 * look-up. Counters of which nothing counts any more are forgotten a few at a time, so that no call pays for many.
 */
export class CounterTable {
  readonly #families = new Map<string, Family>();
  readonly #mostCounters: number;
  #size = 0;
  #rounds = this.#families.entries();
  #family: Family = new Map();
  #identity = '';
  #cursor = this.#family.entries();

  constructor(mostCounters: number) {
    this.#mostCounters = mostCounters;
  }

  get size(): number {
    return this.#size;
  }

  find(identity: string, subject: string): Tally | undefined {
    return this.#families.get(identity)?.get(subject);
  }

  hasRoomFor(counters: number): boolean {
    return this.#size + counters <= this.#mostCounters;
  }

  add(identity: string, subject: string, tally: Tally): void {
    let family = this.#families.get(identity);
    if (family === undefined) {
      family = new Map();
      this.#families.set(identity, family);
    }
    family.set(subject, tally);
    this.#size++;
  }

  /** Looks at so many counters, going on from where it stopped last, and forgets those that have ended by `time`. */
  sweep(counters: number, time: number): void {
    for (let looked = 0; looked < counters; looked++) {
      const next = this.#cursor.next();
      if (next.done === true) {
        this.#nextFamily();
      } else if (lastEnd(next.value[1]) <= time) {
        this.#family.delete(next.value[0]);
        this.#size--;
      }
    }
  }

  #nextFamily(): void {
    if (this.#family.size === 0 && this.#families.get(this.#identity) === this.#family) {
      this.#families.delete(this.#identity);
    }
    let round = this.#rounds.next();
    if (round.done === true) {
      this.#rounds = this.#families.entries();
      round = this.#rounds.next();
    }
    if (round.done === true) return;
    [this.#identity, this.#family] = round.value;
    this.#cursor = this.#family.entries();
  }
}
