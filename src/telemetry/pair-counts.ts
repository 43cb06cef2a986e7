/** Both labels of pairs that are too many to be counted by name. */
export const OTHER_PAIRS = 'other';

/** Counts by two labels. Pairs beyond `maxPairs` are counted as OTHER_PAIRS. */
export class PairCounts {
  readonly #counts = new Map<string, Map<string, number>>();
  readonly #maxPairs: number;
  #size = 0;

  constructor(maxPairs = Number.POSITIVE_INFINITY) {
    this.#maxPairs = maxPairs;
  }

  increment(first: string, second: string): void {
    const count = this.#counts.get(first)?.get(second);
    if (count === undefined && this.#size >= this.#maxPairs && first !== OTHER_PAIRS)
      this.increment(OTHER_PAIRS, OTHER_PAIRS);
    else {
      if (count === undefined) this.#size++;
      innerMap(this.#counts, first).set(second, (count ?? 0) + 1);
    }
  }

  /** undefined: the pair is not counted under its own labels, because there are too many. */
  get(first: string, second: string): number | undefined {
    const isCountable = this.#size < this.#maxPairs;
    return this.#counts.get(first)?.get(second) ?? (isCountable ? 0 : undefined);
  }

  *entries(): Iterable<readonly [first: string, second: string, count: number]> {
    for (const [first, bySecond] of this.#counts) for (const [second, count] of bySecond) yield [first, second, count];
  }
}

/** Returns the map at `key`, which is added if it is missing. */
export function innerMap<Outer, Key, Value>(outer: Map<Outer, Map<Key, Value>>, key: Outer): Map<Key, Value> {
  let inner = outer.get(key);
  if (inner === undefined) {
    inner = new Map();
    outer.set(key, inner);
  }
  return inner;
}
