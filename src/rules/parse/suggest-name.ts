const MOST_EDITS = 2;

/** The one name that a word was probably meant to be; undefined when none is near, or when several are. */
export function suggestName(word: string, names: readonly string[]): string | undefined {
  const most = Math.min(MOST_EDITS, Math.floor((word.length - 1) / 2));
  const distances = names.map((name) => editsBetween(word, name));
  const least = Math.min(...distances);
  if (least > most) return undefined;
  const nearest = names.filter((_, location) => distances[location] === least);
  return nearest.length === 1 ? nearest[0] : undefined;
}

/** How many letters to put in, take out, replace, or swap with their neighbour (optimal string alignment). */
function editsBetween(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > MOST_EDITS) return Number.POSITIVE_INFINITY;
  let [beforeLast, last]: [number[], number[]] = [
    [],
    Array.from({ length: other.length + 1 }, (_, location) => location),
  ];
  for (let row = 1; row <= one.length; row++) {
    const current = [row];
    for (let column = 1; column <= other.length; column++) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped =
        row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [beforeLast, last] = [last, current];
  }
  return last[other.length] ?? 0;
}
