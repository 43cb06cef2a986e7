import { writeMarkedSection } from '../../bench/report/marked-section.ts';
import type { Figures } from './figures.ts';
import type { FailoverFigures } from './scenarios/failovers.ts';
import type { PauseFigures } from './scenarios/pauses.ts';

const GUARANTEES_PAGE = new URL('../../docs/guarantees.md', import.meta.url);

interface Column<Row> {
  readonly title: string;
  readonly format: (row: Row) => string | number;
}

const COLUMNS: readonly Column<Figures>[] = [
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

const PAUSE_COLUMNS: readonly Column<PauseFigures>[] = [
  { title: 'disruption', format: ({ disruption }) => disruption },
  { title: 'nodes', format: ({ nodes }) => nodes },
  { title: 'calls', format: ({ calls }) => calls },
  { title: 'fail-local', format: ({ failLocal }) => failLocal },
  { title: 'over', format: ({ over }) => over.join(', ') },
  { title: 'wrongly rejected', format: ({ wronglyRejectedShare }) => formatPercent(wronglyRejectedShare) },
  { title: 'missed grants', format: ({ missedShare }) => formatPercent(missedShare) },
  { title: 'charged late', format: ({ lateHits }) => lateHits },
  { title: 'recovery, ms', format: ({ recoveryMs }) => recoveryMs.toFixed(0) },
];

const FAILOVER_COLUMNS: readonly Column<FailoverFigures>[] = [
  { title: 'failover', format: ({ disruption }) => disruption },
  { title: 'nodes', format: ({ nodes }) => nodes },
  { title: 'calls', format: ({ calls }) => calls },
  { title: 'over: before', format: ({ overWithout }) => overWithout.join(', ') },
  { title: 'over: now', format: ({ over }) => over.join(', ') },
  { title: 'charged again', format: ({ repaired }) => repaired },
  { title: 'recovery, ms', format: ({ recoveryMs }) => recoveryMs.toFixed(0) },
];

function formatPercent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** Formats the table of the scenarios. */
export function formatScenarios(scenarios: readonly Figures[]): string {
  return formatTable(COLUMNS, scenarios);
}

/** Formats the table of the pauses. */
export function formatPauses(pauses: readonly PauseFigures[]): string {
  return formatTable(PAUSE_COLUMNS, pauses);
}

/** Formats the table of the failovers. */
export function formatFailovers(failovers: readonly FailoverFigures[]): string {
  return formatTable(FAILOVER_COLUMNS, failovers);
}

/** Formats a Markdown table. The first column holds text. */
function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map(({ format }) => format(row)));
  const ruler = columns.map((_, column) => (column === 0 ? '---' : '---:'));
  return [columns.map(({ title }) => title), ruler, ...cells].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

/** Prints a table, and writes it into docs/guarantees.md. The text above the table defines its columns. */
export function writeTable(section: 'chaos' | 'pauses' | 'failovers', table: string): void {
  console.log(table);
  writeMarkedSection(GUARANTEES_PAGE, section, table);
}
