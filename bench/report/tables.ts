import type { FloodRow } from '../measure/measure-flood.ts';
import type { MemoryRow } from '../measure/measure-memory.ts';
import type { Row } from '../measure/measure-speed.ts';
import type { Judgement } from '../measure/targets.ts';

/** Tables in Markdown, aligned so that they read as well on a terminal. */
export function speedTable(rows: readonly Row[]): string {
  const head = [
    'server',
    'keys',
    'calls',
    'decisions/s',
    'p50 ms',
    'p99 ms',
    'p99.9 ms',
    'CPU µs',
    'Redis µs',
    'load µs',
    'echo ÷ CPU',
    'errors',
  ];
  const lines = rows.map((row) => [
    row.server,
    `${row.keys.toLocaleString('en')}${row.limits === 'one' ? '' : `, ${row.limits}`}`,
    `4 × ${row.streams}`,
    Math.round(row.decisionsPerSecond).toLocaleString('en'),
    row.p50.toFixed(2),
    row.p99.toFixed(2),
    row.p999.toFixed(2),
    row.serverCpu?.toFixed(2) ?? '',
    row.redisCpu?.toFixed(2) ?? '',
    row.generatorCpu.toFixed(2),
    row.cpuOfEcho === null ? '' : (1 / row.cpuOfEcho).toFixed(1),
    String(row.errors),
  ]);
  return table(head, lines, 1);
}

export function memoryTable(rows: readonly MemoryRow[]): string {
  const head = [
    'server',
    'KB per idle connection',
    'decisions, millions',
    'MB in use, after each tenth',
    'MB resident',
  ];
  const lines = rows.map(({ server, kilobytesPerConnection, millions, megabytes, megabytesInUse }) => [
    server,
    kilobytesPerConnection.toFixed(1),
    String(millions),
    megabytesInUse.map((value) => value?.toFixed(0) ?? '').join(' '),
    megabytes.map((value) => value.toFixed(0)).join(' '),
  ]);
  return table(head, lines, 1);
}

export function floodTable(rows: readonly FloodRow[]): string {
  const head = [
    'forgeries at a time',
    'RLS/s',
    'RLS/s beside them',
    'of it',
    'of its rate per CPU second',
    'forgeries/s',
  ];
  const whole = (value: number) => Math.round(value).toLocaleString('en');
  const lines = rows.map(({ outstanding, quiet, flooded, ratio, ofCpu, forgeriesPerSecond }) => [
    String(outstanding),
    whole(quiet),
    whole(flooded),
    `${(ratio * 100).toFixed(0)} %`,
    `${(ofCpu * 100).toFixed(0)} %`,
    whole(forgeriesPerSecond),
  ]);
  return table(head, lines, 0);
}

export function judgementTable(judgements: readonly Judgement[]): string {
  const lines = judgements.map(({ target, measured, met }) => [target, measured, met ? 'met' : '**not met**']);
  return table(['target', 'measured', ''], lines, 3);
}

/** The columns before `firstRight` are texts; from there on they are figures, to the right. */
export function table(head: readonly string[], lines: readonly (readonly string[])[], firstRight: number): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...lines.map((line) => line[column]?.length ?? 0)),
  );
  const row = (cells: readonly string[]) => {
    const padded = cells.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column < firstRight ? cell.padEnd(width) : cell.padStart(width);
    });
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, column) => (column < firstRight ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [row(head), row(rule), ...lines.map(row)].join('\n');
}
