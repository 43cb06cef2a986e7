import { barPlot } from '../report/bar-chart.ts';
import { machineLine } from '../report/benchmarks-page.ts';
import type { Machine } from '../report/machine.ts';
import { table } from '../report/tables.ts';
import { BANDS, type Count, type Judged, sumOf } from './evaluate-limiter.ts';
import { EXACT_LOG } from './limiters.ts';

/** Up to so many requests Weir keeps the time of each (src/domain/counting/counter-spec.ts). */
const MOST_EXACT_REQUESTS = 64;
const GROUPS = [
  { title: 'Small limits, up to 64', has: (limit: number) => limit <= MOST_EXACT_REQUESTS },
  { title: 'Large limits', has: (limit: number) => limit > MOST_EXACT_REQUESTS },
];
const WRONG = [
  { title: 'granted wrongly', of: ({ wronglyGranted }: Count) => wronglyGranted },
  { title: 'refused wrongly', of: ({ wronglyRefused }: Count) => wronglyRefused },
] as const;

/** Markdown: for small and large limits apart, what was granted and what was refused wrongly, by load. */
export function accuracyText(all: readonly Judged[], command: string, machine: Machine): string {
  const limiters = [...new Set(all.map(({ limiter }) => limiter))];
  const parts = [`\`${command}\` on ${machineLine(machine)}.`, '![Wrong decisions by load](accuracy.svg)'];
  for (const { title, has } of GROUPS) {
    const judged = all.filter(({ limit }) => has(limit));
    for (const wrong of WRONG) {
      const head = ['limit', 'load', 'requests', ...limiters];
      parts.push(`**${title}: ${wrong.title}**, of the requests of that load`);
      parts.push(table(head, wrongLines(judged, wrong.of), 2));
    }
  }
  const limits = [...new Set(all.map(({ limit }) => limit))];
  const most = limits.map((limit) => [`${limit}`, ...ofLimit(all, limit).map((each) => whole(each.mostGranted))]);
  parts.push('**Most granted to one subject in 60 s**', table(['limit', ...limiters], most, 1));
  const granted = limits.map((limit) => [`${limit}`, ...ofLimit(all, limit).map((each) => whole(grantedBy(each)))]);
  parts.push('**Granted in all**', table(['limit', ...limiters], granted, 1));
  return parts.join('\n\n');
}

function wrongLines(judged: readonly Judged[], wrongOf: (count: Count) => number): string[][] {
  return [...new Set(judged.map(({ limit }) => limit))].flatMap((limit) => {
    const theirs = ofLimit(judged, limit);
    const line = (load: string, countOf: (each: Judged) => Count) => {
      const counts = theirs.map(countOf);
      return [`${limit}`, load, whole(counts[0]?.requests ?? 0), ...counts.map((each) => share(wrongOf(each), each))];
    };
    const bands = BANDS.map((band, place) => line(band, ({ counts }) => counts[place] ?? sumOf([])));
    return [...bands, line('all', ({ counts }) => sumOf(counts))];
  });
}

/** An SVG: a panel for each band of small and of large limits, a bar for each limiter but the one that is never wrong. */
export function accuracyPlot(all: readonly Judged[]): string {
  const limiters = [...new Set(all.map(({ limiter }) => limiter))].filter((limiter) => limiter !== EXACT_LOG);
  const panels = GROUPS.flatMap(({ title, has }) =>
    BANDS.map((band, place) => ({
      title: `${title}: load ${band}`,
      bars: limiters.map((limiter) => {
        const theirs = all.filter((each) => each.limiter === limiter && has(each.limit));
        const count = sumOf(theirs.flatMap(({ counts }) => counts[place] ?? []));
        const parts = [count.wronglyGranted / count.requests, count.wronglyRefused / count.requests] as const;
        return { label: limiter, parts, figure: share(count.wronglyGranted + count.wronglyRefused, count) };
      }),
    })),
  );
  return barPlot({
    title: 'Wrong decisions of four limiters by load, in % of the requests: shorter is better',
    heading: 'Wrong decisions',
    legend: [WRONG[0].title, WRONG[1].title],
    panels: panels.filter(({ bars }) => bars.some(({ parts: [first, second] }) => first + second > 0)),
  });
}

function ofLimit(all: readonly Judged[], limit: number): readonly Judged[] {
  return all.filter((each) => each.limit === limit);
}

function grantedBy({ counts }: Judged): number {
  return sumOf(counts).granted;
}

/** 0 stands for none at all. */
function share(wrong: number, { requests }: Count): string {
  if (wrong === 0) return '0';
  const percent = (100 * wrong) / requests;
  return `${percent >= 10 ? percent.toFixed(1) : percent.toPrecision(2)}%`;
}

function whole(count: number): string {
  return count.toLocaleString('en');
}
