import type { FloodRow } from '../measure/measure-flood.ts';
import type { MemoryRow } from '../measure/measure-memory.ts';
import type { SpeedRow } from '../measure/measure-speed.ts';
import type { TargetResult } from '../measure/targets.ts';
import { formatTable } from './markdown-table.ts';

export function formatSpeedTable(rows: readonly SpeedRow[]): string {
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
  const cells = rows.map((row) => [
    row.server,
    `${formatCount(row.keys)}${row.limits === 'one' ? '' : `, ${row.limits}`}`,
    `4 × ${row.streams}`,
    formatCount(Math.round(row.decisionsPerSecond)),
    row.p50.toFixed(2),
    row.p99.toFixed(2),
    row.p999.toFixed(2),
    row.serverCpu?.toFixed(2) ?? '',
    row.redisCpu?.toFixed(2) ?? '',
    row.generatorCpu.toFixed(2),
    row.cpuOfEcho === null ? '' : (1 / row.cpuOfEcho).toFixed(1),
    String(row.errors),
  ]);
  return formatTable(head, cells, 1);
}

export function formatMemoryTable(rows: readonly MemoryRow[]): string {
  const head = [
    'server',
    'KB per idle connection',
    'decisions, millions',
    'MB in use, after each tenth',
    'MB resident',
  ];
  const cells = rows.map(({ server, kilobytesPerConnection, millions, megabytes, megabytesInUse }) => [
    server,
    kilobytesPerConnection.toFixed(1),
    String(millions),
    megabytesInUse.map((value) => value?.toFixed(0) ?? '').join(' '),
    megabytes.map((value) => value.toFixed(0)).join(' '),
  ]);
  return formatTable(head, cells, 1);
}

export function formatFloodTable(rows: readonly FloodRow[]): string {
  const head = ['forgeries at a time', 'RLS/s', 'RLS/s in the flood', 'share', 'share per CPU second', 'forgeries/s'];
  const cells = rows.map(({ outstanding, quiet, flooded, ratio, cpuRatio, forgeriesPerSecond }) => [
    String(outstanding),
    formatCount(Math.round(quiet)),
    formatCount(Math.round(flooded)),
    `${(ratio * 100).toFixed(0)} %`,
    `${(cpuRatio * 100).toFixed(0)} %`,
    formatCount(Math.round(forgeriesPerSecond)),
  ]);
  return formatTable(head, cells, 0);
}

export function formatTargetTable(results: readonly TargetResult[]): string {
  const cells = results.map(({ target, measured, isMet }) => [target, measured, isMet ? 'met' : '**not met**']);
  return formatTable(['target', 'measured', ''], cells, 3);
}

/** Formats a whole number with commas between thousands. */
export function formatCount(count: number): string {
  return count.toLocaleString('en');
}
