import { computeMedian } from '../measure/median.ts';
import type { TargetResult } from '../measure/targets.ts';
import { renderBarChart } from '../report/bar-chart.ts';
import { formatTable } from '../report/markdown-table.ts';
import { formatCount } from '../report/result-tables.ts';

/** An interval of the soak: a fifteenth of its time, one minute by default. */
export interface SoakRow {
  readonly calls: number;
  /** Latencies in ms, from the time at which a call was due. */
  readonly p50: number;
  readonly p99: number;
  /** Highest resident memory of the process that decides, and of its control process, in MB. */
  readonly decisionMb: number;
  readonly controlMb: number;
  /** MB in use by both after a forced collection at the end of the interval; null: there was none. */
  readonly inUseMb: number | null;
}

export interface SoakResult {
  readonly rows: readonly SoakRow[];
  readonly callsPerSecond: number;
  readonly sent: number;
  readonly answered: number;
  /** Decisions by `weir_decisions_total`. */
  readonly counted: number;
}

export const INTERVALS = 15;
/** Garbage is collected at the end of each third. */
export const INTERVALS_PER_THIRD = INTERVALS / 3;

const MAX_GROWTH_MB = 2;
const MAX_RESIDENT_RATIO = 1.05;
const MAX_P99_RATIO = 1.25;

export function checkSoakTargets({ rows, sent, answered, counted }: SoakResult): readonly TargetResult[] {
  const [second, third] = [1, 2].map((index) =>
    rows.slice(index * INTERVALS_PER_THIRD, (index + 1) * INTERVALS_PER_THIRD),
  );
  const inUse = rows.flatMap(({ inUseMb }) => inUseMb ?? []);
  const growth = Math.max(...inUse.slice(1)) - (inUse[0] ?? Number.NaN);
  const resident = maxResident(third) / maxResident(second);
  const latency = medianP99(third) / medianP99(second);
  return [
    {
      target: `in use after a collection: at most ${MAX_GROWTH_MB} MB more than after the first third`,
      measured: `${growth.toFixed(1)} MB`,
      isMet: growth <= MAX_GROWTH_MB,
    },
    {
      target: `highest resident memory of the last third: at most ${MAX_RESIDENT_RATIO} × that of the second`,
      measured: `${resident.toFixed(3)} ×`,
      isMet: resident <= MAX_RESIDENT_RATIO,
    },
    {
      target: `median p99 of the last third: at most ${MAX_P99_RATIO} × that of the second`,
      measured: `${latency.toFixed(2)} ×`,
      isMet: latency <= MAX_P99_RATIO,
    },
    {
      target: 'every call is answered, and counted once in the metrics',
      measured: `${formatCount(sent)} sent, ${formatCount(answered)} answered, ${formatCount(counted)} counted`,
      isMet: sent === answered && answered === counted,
    },
  ];
}

const residentMb = ({ decisionMb, controlMb }: SoakRow) => decisionMb + controlMb;
const maxResident = (rows: readonly SoakRow[] = []) => Math.max(...rows.map(residentMb));

function medianP99(rows: readonly SoakRow[] = []): number {
  return computeMedian(rows.map(({ p99 }) => p99));
}

export function formatSoakTable({ rows }: SoakResult): string {
  const head = ['interval', 'calls', 'p50 ms', 'p99 ms', 'MB resident', 'MB in use'];
  const cells = rows.map((row, index) => [
    `${index + 1}`,
    formatCount(row.calls),
    row.p50.toFixed(2),
    row.p99.toFixed(2),
    residentMb(row).toFixed(1),
    row.inUseMb?.toFixed(1) ?? '',
  ]);
  return formatTable(head, cells, 0);
}

export function renderSoakChart({ rows }: SoakResult): string {
  const bars = rows.map((row, index) => ({
    label: `${index + 1}`,
    parts: [row.decisionMb, row.controlMb] as const,
    figure: `${residentMb(row).toFixed(0)} MB, p99 ${row.p99.toFixed(1)} ms`,
  }));
  return renderBarChart({
    title: 'Highest resident memory of each interval of the soak',
    heading: 'Soak',
    legend: ['the process that decides', 'its control process'],
    panels: [{ title: 'Highest resident memory by interval, and p99', bars }],
  });
}
