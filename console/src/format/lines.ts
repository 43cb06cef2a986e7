/** Reads a list that is typed with one value per line. Spaces around values and empty lines do not count. */
export function readLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** Writes a list as lines. */
export function writeLines(values: readonly string[] | undefined): string {
  return (values ?? []).join('\n');
}
