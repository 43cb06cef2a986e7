import type { Limit } from '../../domain/limits/limit.ts';

const NO_LIMITS: ReadonlyMap<string, Limit> = new Map();

/**
 * Makes equal limits the same object, within a rule book and across reloads. Caches depend on that: recent refusals and
 * leased slices of a limit are kept by the identity of its object.
 */
export class LimitInterner {
  #previous: ReadonlyMap<string, Limit>;
  readonly #limits = new Map<string, Limit>();

  /** `previous` has the limits of the book before this one. */
  constructor(previous?: LimitInterner) {
    this.#previous = previous === undefined ? NO_LIMITS : previous.#limits;
  }

  /** Returns equal limits, as objects that this book or the previous one uses already, if there are any. */
  intern(limits: readonly Limit[]): readonly Limit[] {
    return limits.map((limit) => this.internOne(limit));
  }

  internOne<Kind extends Limit>(limit: Kind): Kind {
    const json = JSON.stringify(limit);
    const interned = this.#limits.get(json) ?? this.#previous.get(json) ?? limit;
    this.#limits.set(json, interned);
    return interned as Kind; // the same JSON, so the same fields
  }

  /** Frees the limits that only the previous book uses. */
  dropPrevious(): void {
    this.#previous = NO_LIMITS;
  }
}
