/** The rows of the tables of attacks in docs/threat-model.md, each with the test files that it links. */
export function readAttacks(page: string): readonly { readonly attack: string; readonly tests: readonly string[] }[] {
  const start = page.indexOf('\n## Attacks\n');
  if (start < 0) throw new Error('there is no heading ## Attacks');
  const rows = page
    .slice(start)
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| attack |'));
  return rows.map((row) => {
    const cells = row.split(/(?<!\\)\|/).slice(1, -1);
    const links = [...(cells.at(-1) ?? '').matchAll(/\]\(\.\.\/([^)]+)\)/g)];
    return { attack: cells[0]?.trim() ?? '', tests: links.map(([, file = '']) => file) };
  });
}

/** All test files that the tables link, each once. */
export function listAttackTests(page: string): readonly string[] {
  return [...new Set(readAttacks(page).flatMap(({ tests }) => tests))];
}
