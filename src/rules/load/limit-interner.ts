import type { Limit } from '../../domain/limits/limit.ts';

const NONE: ReadonlyMap<string, Limit> = new Map();

/**
 * Limits by what they say, so that equal ones are one object: within a rule book, and from one to the next. What is known
 * of a limit, such as who was just refused and which slices of it were taken, is kept by the object.
 */
export class LimitInterner {
  #earlier: ReadonlyMap<string, Limit>;
  readonly #limits = new Map<string, Limit>();

  /** `earlier`: those of the book before. */
  constructor(earlier?: LimitInterner) {
    this.#earlier = earlier === undefined ? NONE : earlier.#limits;
  }

  /** The same limits, as objects that are known already where there are such. */
  known(limits: readonly Limit[]): readonly Limit[] {
    return limits.map((limit) => {
      const said = JSON.stringify(limit);
      const known = this.#limits.get(said) ?? this.#earlier.get(said) ?? limit;
      this.#limits.set(said, known);
      return known;
    });
  }

  /** Those of this book alone, for the next one. */
  forgetEarlier(): void {
    this.#earlier = NONE;
  }
}
