import { GenerationalMap } from '../../collections/generational-map.ts';
import type { Charge } from '../../decide/ports.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { KnownCounter } from './known-counter.ts';

/** In each of two generations. A counter takes about 300 bytes, so all take about 30 MB. */
const MAX_COUNTERS = 50_000;
/** Limits of one subject. With more, those that were asked about first are forgotten. */
const MAX_LIMITS_OF_SUBJECT = 64;

/** The counters that this node has asked the shared store about last. */
export class KnownCounters {
  /** By subject, the first of its counters. */
  readonly #subjects = new GenerationalMap<string, KnownCounter>();
  #youngCounters = 0;
  #generation = 1;

  /**
   * Finds the counter of a charge, and adds it if it is not known. A charge that its owner keeps (`storeHandle`) finds it
   * without a search.
   */
  findFor(charge: Charge): KnownCounter {
    const { storeHandle, subject, limit } = charge;
    if (
      storeHandle instanceof KnownCounter &&
      storeHandle.generation === this.#generation &&
      storeHandle.limit === limit &&
      storeHandle.subject === subject
    ) {
      return storeHandle;
    }
    const counter = this.find(subject, limit);
    if (storeHandle !== undefined) charge.storeHandle = counter;
    return counter;
  }

  /** Finds the counter of a subject for a limit, and adds it if it is not known. */
  find(subject: string, limit: CountedLimit): KnownCounter {
    const first = this.#subjects.getYoung(subject) ?? this.#renew(subject);
    let length = 0;
    for (let counter = first; counter !== undefined; counter = counter.next) {
      if (counter.limit === limit) return counter;
      if (counter.identity === limit.identity) {
        counter.limit = limit;
        return counter;
      }
      length++;
    }
    return this.#add(subject, limit, length < MAX_LIMITS_OF_SUBJECT ? first : undefined);
  }

  /** Moves the counters of a subject from the old generation to the young one. */
  #renew(subject: string): KnownCounter | undefined {
    const first = this.#subjects.getOld(subject);
    if (first === undefined) return undefined;
    this.#put(subject, first);
    for (let counter: KnownCounter | undefined = first; counter; counter = counter.next) {
      counter.generation = this.#generation;
      if (counter !== first) this.#youngCounters++;
    }
    return first;
  }

  #add(subject: string, limit: CountedLimit, next: KnownCounter | undefined): KnownCounter {
    const counter = new KnownCounter(subject, limit, next);
    this.#put(subject, counter);
    counter.generation = this.#generation;
    return counter;
  }

  #put(subject: string, counter: KnownCounter): void {
    if (this.#youngCounters >= MAX_COUNTERS) {
      this.#subjects.rotate();
      this.#youngCounters = 0;
      this.#generation++;
    }
    this.#youngCounters++;
    this.#subjects.set(subject, counter);
  }
}
