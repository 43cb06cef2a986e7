import type { Row } from '../measure/measure-speed.ts';
import { type Bar, barPlot } from './bar-chart.ts';

/** An SVG of bars: CPU time per decision of each server at 1,000 keys, one panel for each number of streams. */
export function speedPlot(rows: readonly Row[]): string {
  const shown = rows.filter((row) => row.keys === 1000 && row.limits === 'one' && row.serverCpu !== null);
  return barPlot({
    title: 'CPU time per decision, µs: shorter is better',
    heading: 'CPU µs per decision',
    legend: ['server', 'Redis'],
    panels: [...new Set(shown.map(({ streams }) => streams))].map((streams) => ({
      title: `4 connections × ${streams} ${streams === 1 ? 'call' : 'calls'}, 1,000 keys`,
      bars: shown.filter((row) => row.streams === streams).map(barOf),
    })),
  });
}

function barOf({ server, serverCpu, redisCpu, cpuOfEcho }: Row): Bar {
  const parts = [serverCpu ?? 0, redisCpu ?? 0] as const;
  const less = cpuOfEcho === null || cpuOfEcho === 1 ? '' : `, 1/${(1 / cpuOfEcho).toFixed(1)}`;
  return { label: server, parts, figure: `${(parts[0] + parts[1]).toFixed(1)}${less}` };
}
