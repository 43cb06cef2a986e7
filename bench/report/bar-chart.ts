const WIDTH = 760;
const LABELS = 150;
const FIGURES = 150;
const BAR = 18;
const LINE = 28;
const PANEL_TITLE = 40;
const PANEL_GAP = 18;
const LEGEND = 40;
const LEGEND_ENTRY = 44;
const LETTER = 6;

const STYLE = `
  text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .figure, .legend { fill: #59636e }
  .first { fill: #2f6fde }
  .second { fill: #d9822b }
  .axis { stroke: #8b949e; stroke-width: 1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .figure, .legend { fill: #9198a1 }
    .first { fill: #5b9bff }
    .second { fill: #e8a15b }
  }`;

export interface BarPlot {
  /** For whoever cannot see it. */
  readonly title: string;
  readonly heading: string;
  /** What the two parts of each bar are. */
  readonly legend: readonly [string, string];
  readonly panels: readonly Panel[];
}

/** Each panel has a scale of its own: its longest bar is as long as there is room. */
export interface Panel {
  readonly title: string;
  readonly bars: readonly Bar[];
}

export interface Bar {
  readonly label: string;
  readonly parts: readonly [number, number];
  /** What stands after it. */
  readonly figure: string;
}

/** An SVG of bars of two parts, one panel below the other. */
export function barPlot({ title, heading, legend, panels }: BarPlot): string {
  let top = LEGEND;
  const drawn = panels.map((each) => {
    const text = panel(each, top);
    top += PANEL_TITLE + each.bars.length * LINE + PANEL_GAP;
    return text;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}" role="img">
<title>${escaped(title)}</title>
<style>${STYLE}
</style>
${legendOf(heading, legend)}
${drawn.join('\n')}
</svg>
`;
}

function legendOf(heading: string, [first, second]: readonly [string, string]): string {
  const swatch = (x: number, kind: string, text: string) =>
    `<rect class="${kind}" x="${x}" y="11" width="12" height="12" rx="2"/><text class="legend" x="${x + 18}" y="22">${escaped(text)}</text>`;
  const secondAt = LABELS + LEGEND_ENTRY + first.length * LETTER;
  const text = `<text class="title" x="0" y="22">${escaped(heading)}</text>`;
  return [text, swatch(LABELS, 'first', first), swatch(secondAt, 'second', second)].join('\n');
}

function panel({ title, bars }: Panel, top: number): string {
  const longest = Math.max(...bars.map(({ parts: [first, second] }) => first + second));
  const scale = longest > 0 ? (WIDTH - LABELS - FIGURES) / longest : 0;
  const drawn = bars.map((each, index) => bar(each, top + PANEL_TITLE + index * LINE, scale));
  const bottom = top + PANEL_TITLE + bars.length * LINE - (LINE - BAR);
  return [
    `<text class="title" x="${LABELS}" y="${top + 24}">${escaped(title)}</text>`,
    ...drawn,
    `<line class="axis" x1="${LABELS}" x2="${LABELS}" y1="${top + PANEL_TITLE - 4}" y2="${bottom + 4}"/>`,
  ].join('\n');
}

function bar({ label, parts: [first, second], figure }: Bar, top: number, scale: number): string {
  const baseline = top + BAR - 4;
  const end = LABELS + (first + second) * scale;
  const rectangle = (kind: string, x: number, width: number) =>
    width > 0
      ? `<rect class="${kind}" x="${x.toFixed(1)}" y="${top}" width="${width.toFixed(1)}" height="${BAR}"/>`
      : '';
  return [
    `<text x="${LABELS - 8}" y="${baseline}" text-anchor="end">${escaped(label)}</text>`,
    rectangle('first', LABELS, first * scale),
    rectangle('second', LABELS + first * scale, second * scale),
    `<text class="figure" x="${(end + 8).toFixed(1)}" y="${baseline}">${escaped(figure)}</text>`,
  ].join('');
}

/** A peer's name is whatever was typed. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
