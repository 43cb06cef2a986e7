import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import './chart.css';

export interface Series {
  readonly label: string;
  /** A custom property of base.css, such as `--series-1`. */
  readonly color: string;
  readonly values: readonly (number | null)[];
}

interface Props {
  /** What the chart shows, for screen readers. Give the same numbers as a table as well. */
  readonly label: string;
  /** Unix times in seconds, one per value of each series. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
}

const HEIGHT_PX = 220;

/** Lines over time, in the viewer's time zone. */
export function Chart({ label, times, series }: Props) {
  const container = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const themeChanges = useThemeChanges();
  const labels = series.map((one) => one.label).join('\n');
  useEffect(() => {
    const { current } = container;
    if (current === null) return;
    const readColor = (name: string) => getComputedStyle(current).getPropertyValue(name).trim();
    const axis = { stroke: () => readColor('--text-soft'), grid: { stroke: () => readColor('--line') } };
    plot.current = new uPlot(
      {
        width: current.clientWidth,
        height: HEIGHT_PX,
        axes: [axis, axis],
        series: [{}, ...series.map((one) => ({ label: one.label, stroke: () => readColor(one.color), width: 2 }))],
      },
      [[...times], ...series.map(({ values }) => [...values])],
      current,
    );
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: current.clientWidth, height: HEIGHT_PX }));
    resized.observe(current);
    return () => {
      resized.disconnect();
      plot.current?.destroy();
    };
  }, [labels, themeChanges]);
  useEffect(() => plot.current?.setData([[...times], ...series.map(({ values }) => [...values])]), [times, series]);
  return <div ref={container} class="chart" role="img" aria-label={label} />;
}

/** How often the viewer or the system has chosen another theme: a canvas keeps the colours that it was drawn with. */
function useThemeChanges(): number {
  const [count, setCount] = useState(0);
  useEffect(() => watchTheme(() => setCount((last) => last + 1)), []);
  return count;
}

/** Calls back when another theme is chosen. Returns a function that stops this. */
function watchTheme(onChange: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  system.addEventListener('change', onChange);
  const chosen = new MutationObserver(onChange);
  chosen.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  return () => {
    system.removeEventListener('change', onChange);
    chosen.disconnect();
  };
}
