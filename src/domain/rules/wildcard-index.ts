/**
 * Values with asterisks, each mapped to a target. An asterisk stands for any characters or none, as in example 9 of
 * envoyproxy/ratelimit's README. Wildcards are grouped by their prefix (the text before the first asterisk), so that
 * the cost of a look-up depends on the number of different prefix lengths, not on the number of wildcards.
 *
 * Plain data, so that it can be sent from one thread to another.
 */
export interface WildcardIndex<Target> {
  /** By length of the prefix, shortest first; then by prefix; then in the order of addition. */
  readonly byPrefixLength: (readonly [length: number, Map<string, Wildcard<Target>[]>])[];
  /** Number of wildcards added. */
  size: number;
}

interface Wildcard<Target> {
  /** The texts before, between and after the asterisks. */
  readonly pieces: readonly string[];
  /** Number of wildcards that were added before. */
  readonly order: number;
  readonly target: Target;
}

const NO_WILDCARDS: readonly never[] = [];

export function createWildcardIndex<Target>(): WildcardIndex<Target> {
  return { byPrefixLength: [], size: 0 };
}

export function addWildcard<Target>(index: WildcardIndex<Target>, pattern: string, target: Target): void {
  const pieces = pattern.split('*');
  const prefix = pieces[0] ?? '';
  let group = index.byPrefixLength.find(([length]) => length === prefix.length);
  if (group === undefined) {
    group = [prefix.length, new Map()];
    index.byPrefixLength.push(group);
    index.byPrefixLength.sort(([one], [other]) => one - other);
  }
  const wildcard = { pieces, order: index.size++, target };
  const samePrefix = group[1].get(prefix);
  if (samePrefix === undefined) group[1].set(prefix, [wildcard]);
  else samePrefix.push(wildcard);
}

/** Finds the matching wildcard that was added first. */
export function findFirstWildcard<Target>(index: WildcardIndex<Target>, value: string): Target | undefined {
  let first: Wildcard<Target> | undefined;
  for (const [length, byPrefix] of index.byPrefixLength) {
    if (length > value.length) break;
    for (const wildcard of byPrefix.get(value.slice(0, length)) ?? NO_WILDCARDS) {
      if (first !== undefined && wildcard.order > first.order) break;
      if (matchesPieces(value, length, wildcard.pieces)) first = wildcard;
    }
  }
  return first?.target;
}

/** Stands for any text that an asterisk can match. It is in no pattern, so that only an asterisk matches it. */
const ANY_TEXT = '\0';

/**
 * Finds the first wildcard that matches every value that `pattern` matches; the wildcard of `pattern` itself, if no
 * other comes before it.
 */
export function findCoveringWildcard<Target>(index: WildcardIndex<Target>, pattern: string): Target | undefined {
  return findFirstWildcard(index, pattern.replaceAll('*', ANY_TEXT));
}

/** Finds all matching wildcards. Those that spell out the most characters come first, then those added first. */
export function findWildcardsBySpecificity<Target>(index: WildcardIndex<Target>, value: string): readonly Target[] {
  const matching: Wildcard<Target>[] = [];
  for (const [length, byPrefix] of index.byPrefixLength) {
    if (length > value.length) break;
    for (const wildcard of byPrefix.get(value.slice(0, length)) ?? NO_WILDCARDS) {
      if (matchesPieces(value, length, wildcard.pieces)) matching.push(wildcard);
    }
  }
  if (matching.length > 1) {
    matching.sort((one, other) => spelledOutLength(other) - spelledOutLength(one) || one.order - other.order);
  }
  return matching.map(({ target }) => target);
}

function spelledOutLength({ pieces }: Wildcard<unknown>): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/**
 * Tests whether a value that starts with the first piece has the other pieces in order, the last one at its end. Takes
 * each piece at its first occurrence, so the cost grows linearly with the value. `start` is the length of the first
 * piece.
 */
function matchesPieces(value: string, start: number, pieces: readonly string[]): boolean {
  const last = pieces.at(-1) ?? '';
  const end = value.length - last.length;
  if (end < start || !value.endsWith(last)) return false;
  let from = start;
  for (let index = 1; index < pieces.length - 1; index++) {
    const piece = pieces[index] ?? '';
    const position = value.indexOf(piece, from);
    if (position < 0 || position + piece.length > end) return false;
    from = position + piece.length;
  }
  return true;
}
