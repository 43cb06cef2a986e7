import { writeMarkedSection } from '../../bench/report/marked-section.ts';
import type { Figures } from './check-bounds.ts';

const GUARANTEES = new URL('../../docs/guarantees.md', import.meta.url);

const COLUMNS: readonly { readonly title: string; readonly format: (figures: Figures) => string | number }[] = [
  { title: 'scenario', format: ({ name }) => name },
  { title: 'calls', format: ({ calls }) => calls },
  { title: 'later than 20 ms', format: ({ late }) => formatPercent(late) },
  { title: 'health checks later than 20 ms', format: ({ lateHealth }) => formatPercent(lateHealth) },
  { title: 'p99, ms', format: ({ p99 }) => p99.toFixed(1) },
  { title: 'longest, ms', format: ({ longest }) => longest.toFixed(0) },
  { title: 'unavailable', format: ({ unavailable }) => unavailable },
  { title: 'fail-local', format: ({ failLocal }) => failLocal },
  { title: 'fail-open', format: ({ failOpen }) => failOpen },
  { title: 'recovery, ms', format: ({ recovery }) => recovery.toFixed(0) },
  { title: 'over: deny', format: ({ over }) => over.deny },
  { title: 'over: local', format: ({ over }) => over.local },
  { title: 'over: allow', format: ({ over }) => over.allow },
  { title: 'charged unheard', format: ({ unheard }) => unheard },
  { title: 'lost', format: ({ lost }) => lost },
];

function formatPercent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** Formats a Markdown table with a row for each scenario. */
export function formatFigures(figures: readonly Figures[]): string {
  const rows = figures.map((scenarioFigures) => COLUMNS.map(({ format }) => format(scenarioFigures)));
  const ruler = COLUMNS.map((_, column) => (column === 0 ? '---' : '---:'));
  return [COLUMNS.map(({ title }) => title), ruler, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Writes the table into docs/guarantees.md, which defines its columns. */
export function writeFigures(table: string): void {
  writeMarkedSection(GUARANTEES, 'chaos', table);
}
