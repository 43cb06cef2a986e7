import type { Row } from './measure.ts';

const WIDTH = 760;
const LABELS = 150;
const FIGURES = 150;
const BAR = 18;
const LINE = 28;
const PANEL_TITLE = 40;
const PANEL_GAP = 18;
const LEGEND = 40;

const STYLE = `
  text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .figure, .legend { fill: #59636e }
  .server { fill: #2f6fde }
  .redis { fill: #d9822b }
  .axis { stroke: #8b949e; stroke-width: 1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .figure, .legend { fill: #9198a1 }
    .server { fill: #5b9bff }
    .redis { fill: #e8a15b }
  }`;

/** An SVG of bars: CPU time per decision of each server at 1,000 keys, one panel for each number of streams. */
export function speedPlot(rows: readonly Row[]): string {
  const shown = rows.filter((row) => row.keys === 1000 && row.limits === 'one' && row.serverCpu !== null);
  let top = LEGEND;
  const panels = [...new Set(shown.map(({ streams }) => streams))].map((streams) => {
    const bars = shown.filter((row) => row.streams === streams);
    const drawn = panel(bars, streams, top);
    top += PANEL_TITLE + bars.length * LINE + PANEL_GAP;
    return drawn;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}" role="img">
<title>CPU time per decision, µs: shorter is better</title>
<style>${STYLE}
</style>
${legend()}
${panels.join('\n')}
</svg>
`;
}

function legend(): string {
  const swatch = (x: number, kind: string, text: string) =>
    `<rect class="${kind}" x="${x}" y="11" width="12" height="12" rx="2"/><text class="legend" x="${x + 18}" y="22">${text}</text>`;
  const title = '<text class="title" x="0" y="22">CPU µs per decision</text>';
  return [title, swatch(LABELS, 'server', 'server'), swatch(LABELS + 80, 'redis', 'Redis')].join('\n');
}

function panel(rows: readonly Row[], streams: number, top: number): string {
  const longest = Math.max(...rows.map(cpuOf));
  const scale = (WIDTH - LABELS - FIGURES) / longest;
  const bars = rows.map((row, index) => bar(row, top + PANEL_TITLE + index * LINE, scale));
  const bottom = top + PANEL_TITLE + rows.length * LINE - (LINE - BAR);
  return [
    `<text class="title" x="${LABELS}" y="${top + 24}">4 connections × ${streams} ${streams === 1 ? 'call' : 'calls'}, 1,000 keys</text>`,
    ...bars,
    `<line class="axis" x1="${LABELS}" x2="${LABELS}" y1="${top + PANEL_TITLE - 4}" y2="${bottom + 4}"/>`,
  ].join('\n');
}

function bar(row: Row, top: number, scale: number): string {
  const server = (row.serverCpu ?? 0) * scale;
  const redis = (row.redisCpu ?? 0) * scale;
  const less = row.cpuOfEcho === null || row.cpuOfEcho === 1 ? '' : `, 1/${(1 / row.cpuOfEcho).toFixed(1)}`;
  const baseline = top + BAR - 4;
  const rectangle = (kind: string, x: number, width: number) =>
    `<rect class="${kind}" x="${x.toFixed(1)}" y="${top}" width="${width.toFixed(1)}" height="${BAR}"/>`;
  return [
    `<text x="${LABELS - 8}" y="${baseline}" text-anchor="end">${escaped(row.server)}</text>`,
    rectangle('server', LABELS, server),
    redis > 0 ? rectangle('redis', LABELS + server, redis) : '',
    `<text class="figure" x="${(LABELS + server + redis + 8).toFixed(1)}" y="${baseline}">${cpuOf(row).toFixed(1)}${less}</text>`,
  ].join('');
}

function cpuOf({ serverCpu, redisCpu }: Row): number {
  return (serverCpu ?? 0) + (redisCpu ?? 0);
}

/** A peer's name is whatever was typed. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
