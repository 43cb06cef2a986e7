/** Lengths in the units of the SVG, which are pixels at its natural size. */
const WIDTH = 760;
const LABEL_WIDTH = 150;
const FIGURE_WIDTH = 150;
const BAR_HEIGHT = 18;
const LINE_HEIGHT = 28;
const PANEL_TITLE_HEIGHT = 40;
const PANEL_GAP = 18;
const LEGEND_HEIGHT = 40;
/** Space that an entry of the legend needs in addition to its text. */
const LEGEND_ENTRY_WIDTH = 44;
/** Estimate, because SVG does not say how wide a text is. */
const LETTER_WIDTH = 6;

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

export interface BarChart {
  /** Alternative text for people who cannot see the chart. */
  readonly title: string;
  readonly heading: string;
  /** Names of the two parts of each bar. */
  readonly legend: readonly [string, string];
  readonly panels: readonly Panel[];
}

/** A group of bars with a scale of its own: its longest bar has the full width. */
export interface Panel {
  readonly title: string;
  readonly bars: readonly Bar[];
}

export interface Bar {
  readonly label: string;
  readonly parts: readonly [number, number];
  /** Text after the bar. */
  readonly figure: string;
}

/** Renders an SVG of bars with two parts each, one panel below the other. */
export function renderBarChart({ title, heading, legend, panels }: BarChart): string {
  let top = LEGEND_HEIGHT;
  const renderedPanels = panels.map((panel) => {
    const text = renderPanel(panel, top);
    top += PANEL_TITLE_HEIGHT + panel.bars.length * LINE_HEIGHT + PANEL_GAP;
    return text;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}" role="img">
<title>${escapeText(title)}</title>
<style>${STYLE}
</style>
${renderLegend(heading, legend)}
${renderedPanels.join('\n')}
</svg>
`;
}

function renderLegend(heading: string, [first, second]: readonly [string, string]): string {
  const renderEntry = (x: number, kind: string, text: string) =>
    `<rect class="${kind}" x="${x}" y="11" width="12" height="12" rx="2"/><text class="legend" x="${x + 18}" y="22">${escapeText(text)}</text>`;
  const secondX = LABEL_WIDTH + LEGEND_ENTRY_WIDTH + first.length * LETTER_WIDTH;
  const title = `<text class="title" x="0" y="22">${escapeText(heading)}</text>`;
  return [title, renderEntry(LABEL_WIDTH, 'first', first), renderEntry(secondX, 'second', second)].join('\n');
}

function renderPanel({ title, bars }: Panel, top: number): string {
  const longest = Math.max(...bars.map(({ parts: [first, second] }) => first + second));
  const scale = longest > 0 ? (WIDTH - LABEL_WIDTH - FIGURE_WIDTH) / longest : 0;
  const firstBarTop = top + PANEL_TITLE_HEIGHT;
  const bottom = firstBarTop + bars.length * LINE_HEIGHT - (LINE_HEIGHT - BAR_HEIGHT);
  return [
    `<text class="title" x="${LABEL_WIDTH}" y="${top + 24}">${escapeText(title)}</text>`,
    ...bars.map((bar, index) => renderBar(bar, firstBarTop + index * LINE_HEIGHT, scale)),
    `<line class="axis" x1="${LABEL_WIDTH}" x2="${LABEL_WIDTH}" y1="${firstBarTop - 4}" y2="${bottom + 4}"/>`,
  ].join('\n');
}

function renderBar({ label, parts: [first, second], figure }: Bar, top: number, scale: number): string {
  const baseline = top + BAR_HEIGHT - 4;
  const end = LABEL_WIDTH + (first + second) * scale;
  const renderPart = (kind: string, x: number, width: number) =>
    width > 0
      ? `<rect class="${kind}" x="${x.toFixed(1)}" y="${top}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}"/>`
      : '';
  return [
    `<text x="${LABEL_WIDTH - 8}" y="${baseline}" text-anchor="end">${escapeText(label)}</text>`,
    renderPart('first', LABEL_WIDTH, first * scale),
    renderPart('second', LABEL_WIDTH + first * scale, second * scale),
    `<text class="figure" x="${(end + 8).toFixed(1)}" y="${baseline}">${escapeText(figure)}</text>`,
  ].join('');
}

/** Escapes a text for XML. Names of peers come from the command line, so they can contain anything. */
function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
