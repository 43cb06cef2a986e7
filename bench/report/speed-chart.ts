import type { SpeedRow } from '../measure/measure-speed.ts';
import { type Bar, renderBarChart } from './bar-chart.ts';

/** Renders an SVG of the CPU time per decision of each server with 1,000 keys. It has a panel per number of streams. */
export function renderSpeedChart(rows: readonly SpeedRow[]): string {
  const shown = rows.filter((row) => row.keys === 1000 && row.limits === 'one' && row.serverCpu !== null);
  return renderBarChart({
    title: 'CPU time per decision, µs: shorter is better',
    heading: 'CPU µs per decision',
    legend: ['server', 'Redis'],
    panels: [...new Set(shown.map(({ streams }) => streams))].map((streams) => ({
      title: `4 connections × ${streams} ${streams === 1 ? 'call' : 'calls'}, 1,000 keys`,
      bars: shown.filter((row) => row.streams === streams).map(createBar),
    })),
  });
}

function createBar({ server, serverCpu, redisCpu, cpuOfEcho }: SpeedRow): Bar {
  const parts = [serverCpu ?? 0, redisCpu ?? 0] as const;
  const ratio = cpuOfEcho === null || cpuOfEcho === 1 ? '' : `, 1/${(1 / cpuOfEcho).toFixed(1)}`;
  return { label: server, parts, figure: `${(parts[0] + parts[1]).toFixed(1)}${ratio}` };
}
