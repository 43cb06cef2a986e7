import leven from 'leven';

const MAX_EDITS = 2;

/**
 * Returns the one name that a misspelled word probably stands for; undefined when none is close, or several are. At most
 * `maxEdits` letters may be wrong, from 0 to 2. In short words fewer may be.
 */
export function suggestName(word: string, names: readonly string[], maxEdits = MAX_EDITS): string | undefined {
  const maxDistance = Math.min(maxEdits, Math.floor((word.length - 1) / 2));
  const distances = names.map((name) => countEdits(word, name));
  const smallest = Math.min(...distances);
  if (smallest > maxDistance) return undefined;
  const nearest = names.filter((_, index) => distances[index] === smallest);
  return nearest.length === 1 ? nearest[0] : undefined;
}

/** Counts letters to insert, remove or replace. Two swapped letters, the most common slip, count as one edit. */
function countEdits(word: string, name: string): number {
  const edits = leven(word, name, { maxDistance: MAX_EDITS + 1 });
  return edits === 2 && sortLetters(word) === sortLetters(name) ? 1 : edits;
}

function sortLetters(text: string): string {
  return [...text].sort().join('');
}
