import { writeMarkedSection } from '../../bench/report/marked-section.ts';
import type { Figures } from './figures.ts';

const GUARANTEES_PAGE = new URL('../../docs/guarantees.md', import.meta.url);

const COLUMNS: readonly { readonly title: string; readonly format: (figures: Figures) => string | number }[] = [
  { title: 'scenario', format: ({ name }) => name },
  { title: 'calls', format: ({ calls }) => calls },
  { title: 'later than 20 ms', format: ({ lateShare }) => formatPercent(lateShare) },
  { title: 'health checks later than 20 ms', format: ({ lateHealthShare }) => formatPercent(lateHealthShare) },
  { title: 'p99, ms', format: ({ p99Ms }) => p99Ms.toFixed(1) },
  { title: 'longest, ms', format: ({ maxMs }) => maxMs.toFixed(0) },
  { title: 'unavailable', format: ({ unavailable }) => unavailable },
  { title: 'fail-local', format: ({ failLocal }) => failLocal },
  { title: 'fail-open', format: ({ failOpen }) => failOpen },
  { title: 'recovery, ms', format: ({ recoveryMs }) => recoveryMs.toFixed(0) },
  { title: 'over: deny', format: ({ overLimit }) => overLimit.deny },
  { title: 'over: local', format: ({ overLimit }) => overLimit.local },
  { title: 'over: allow', format: ({ overLimit }) => overLimit.allow },
  { title: 'unacknowledged', format: ({ unacknowledged }) => unacknowledged },
  { title: 'lost', format: ({ lost }) => lost },
];

function formatPercent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** Formats a Markdown table with a row for each scenario. */
export function formatTable(scenarios: readonly Figures[]): string {
  const rows = scenarios.map((figures) => COLUMNS.map(({ format }) => format(figures)));
  const ruler = COLUMNS.map((_, column) => (column === 0 ? '---' : '---:'));
  return [COLUMNS.map(({ title }) => title), ruler, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Writes the table into docs/guarantees.md. The text above the table defines its columns. */
export function writeTable(table: string): void {
  writeMarkedSection(GUARANTEES_PAGE, 'chaos', table);
}
