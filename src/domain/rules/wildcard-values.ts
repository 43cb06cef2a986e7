interface Wildcard<Found> {
  /** What stands before, between and after its asterisks. */
  readonly pieces: readonly string[];
  /** How many were added before it. */
  readonly order: number;
  readonly found: Found;
}

/**
 * Values with asterisks, each of which stands for any characters or none, as in envoyproxy/ratelimit's README (example
 * 9). They are kept by what stands before the first asterisk, so that a look-up costs by how many lengths that has, and
 * not by how many there are. Plain data, so that it can be sent from one thread to another.
 */
export interface WildcardValues<Found> {
  /** By the length of that beginning, shortest first; by the beginning; in the order added. */
  readonly byLength: (readonly [length: number, Map<string, Wildcard<Found>[]>])[];
  size: number;
}

export function createWildcardValues<Found>(): WildcardValues<Found> {
  return { byLength: [], size: 0 };
}

export function addWildcard<Found>(values: WildcardValues<Found>, pattern: string, found: Found): void {
  const pieces = pattern.split('*');
  const beginning = pieces[0] ?? '';
  let entry = values.byLength.find(([length]) => length === beginning.length);
  if (entry === undefined) {
    entry = [beginning.length, new Map()];
    values.byLength.push(entry);
    values.byLength.sort(([one], [other]) => one - other);
  }
  const wildcard = { pieces, order: values.size++, found };
  const alike = entry[1].get(beginning);
  if (alike === undefined) entry[1].set(beginning, [wildcard]);
  else alike.push(wildcard);
}

/** Of those that fit the value, the one that was added first. */
export function findWildcard<Found>(values: WildcardValues<Found>, value: string): Found | undefined {
  let first: Wildcard<Found> | undefined;
  for (const [length, byBeginning] of values.byLength) {
    if (length > value.length) break;
    for (const wildcard of byBeginning.get(value.slice(0, length)) ?? NONE) {
      if (first !== undefined && wildcard.order > first.order) break;
      if (isFitting(value, length, wildcard.pieces)) first = wildcard;
    }
  }
  return first?.found;
}

/** All that fit the value: those first that spell out the most characters, and of equal ones those that were added first. */
export function fittingWildcards<Found>(values: WildcardValues<Found>, value: string): readonly Found[] {
  const fitting: Wildcard<Found>[] = [];
  for (const [length, byBeginning] of values.byLength) {
    if (length > value.length) break;
    for (const wildcard of byBeginning.get(value.slice(0, length)) ?? NONE) {
      if (isFitting(value, length, wildcard.pieces)) fitting.push(wildcard);
    }
  }
  if (fitting.length > 1) fitting.sort((one, other) => spelledOut(other) - spelledOut(one) || one.order - other.order);
  return fitting.map(({ found }) => found);
}

function spelledOut({ pieces }: Wildcard<unknown>): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

const NONE: readonly never[] = [];

/** Whether the value, which begins with the first piece, has the others in their order, the last one at its end. */
function isFitting(value: string, start: number, pieces: readonly string[]): boolean {
  const last = pieces.at(-1) ?? '';
  const end = value.length - last.length;
  if (end < start || !value.endsWith(last)) return false;
  let from = start;
  for (let place = 1; place < pieces.length - 1; place++) {
    const piece = pieces[place] ?? '';
    const at = value.indexOf(piece, from);
    if (at < 0 || at + piece.length > end) return false;
    from = at + piece.length;
  }
  return true;
}
