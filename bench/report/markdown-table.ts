/**
 * Formats a table in Markdown, aligned so that it also reads well in a terminal. The first `textColumns` columns
 * contain texts and are aligned to the left. The others contain figures and are aligned to the right.
 */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  textColumns: number,
): string {
  const widths = head.map((title, column) => Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const formatRow = (cells: readonly string[]) => {
    const padded = cells.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column < textColumns ? cell.padEnd(width) : cell.padStart(width);
    });
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, column) => (column < textColumns ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [formatRow(head), formatRow(rule), ...rows.map(formatRow)].join('\n');
}
