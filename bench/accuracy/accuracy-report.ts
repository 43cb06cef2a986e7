import { renderBarChart } from '../report/bar-chart.ts';
import { formatMachine, type Machine } from '../report/machine.ts';
import { formatTable } from '../report/markdown-table.ts';
import { formatCount } from '../report/result-tables.ts';
import { type DecisionCounts, type Evaluation, LOAD_BANDS, sumCounts } from './evaluate-limiter.ts';
import { EXACT_LOG } from './limiters.ts';

/** Weir keeps the time of each hit up to this limit (src/domain/counting/counter-spec.ts). */
const MAX_EXACT_REQUESTS = 64;
const LIMIT_GROUPS = [
  { title: 'Small limits, up to 64', includes: (limit: number) => limit <= MAX_EXACT_REQUESTS },
  { title: 'Large limits', includes: (limit: number) => limit > MAX_EXACT_REQUESTS },
];
const ERROR_KINDS = [
  { title: 'granted wrongly', count: ({ wronglyGranted }: DecisionCounts) => wronglyGranted },
  { title: 'rejected wrongly', count: ({ wronglyRejected }: DecisionCounts) => wronglyRejected },
] as const;

/**
 * Formats Markdown: wrong grants and wrong rejections by load, for small and for large limits, and what was granted.
 */
export function formatAccuracyReport(evaluations: readonly Evaluation[], command: string, machine: Machine): string {
  const limiters = [...new Set(evaluations.map(({ limiter }) => limiter))];
  const paragraphs = [`\`${command}\` on ${formatMachine(machine)}.`, '![Wrong decisions by load](accuracy.svg)'];
  for (const { title, includes } of LIMIT_GROUPS) {
    const group = evaluations.filter(({ limit }) => includes(limit));
    for (const kind of ERROR_KINDS) {
      const head = ['limit', 'load', 'requests', ...limiters];
      paragraphs.push(`**${title}: ${kind.title}**, as a share of the requests with that load`);
      paragraphs.push(formatTable(head, formatErrorRows(group, kind.count), 2));
    }
  }
  paragraphs.push(
    '**Most granted to one subject in 60 s**',
    formatByLimit(evaluations, limiters, ({ maxGranted }) => maxGranted),
    '**Granted in total**',
    formatByLimit(evaluations, limiters, ({ countsByBand }) => sumCounts(countsByBand).granted),
  );
  return paragraphs.join('\n\n');
}

/** Formats a table with a row for each limit and a column for each limiter. */
function formatByLimit(
  evaluations: readonly Evaluation[],
  limiters: readonly string[],
  read: (evaluation: Evaluation) => number,
): string {
  const rows = listLimits(evaluations).map((limit) => [
    `${limit}`,
    ...selectLimit(evaluations, limit).map((evaluation) => formatCount(read(evaluation))),
  ]);
  return formatTable(['limit', ...limiters], rows, 1);
}

/** For each limit, formats a row for each load band and one for all of them. */
function formatErrorRows(
  evaluations: readonly Evaluation[],
  countErrors: (counts: DecisionCounts) => number,
): string[][] {
  return listLimits(evaluations).flatMap((limit) => {
    const selected = selectLimit(evaluations, limit);
    const formatRow = (load: string, readCounts: (evaluation: Evaluation) => DecisionCounts) => {
      const allCounts = selected.map(readCounts);
      const shares = allCounts.map((counts) => formatShare(countErrors(counts), counts));
      return [`${limit}`, load, formatCount(allCounts[0]?.requests ?? 0), ...shares];
    };
    const bandRows = LOAD_BANDS.map((band, index) =>
      formatRow(band, ({ countsByBand }) => countsByBand[index] ?? sumCounts([])),
    );
    return [...bandRows, formatRow('all', ({ countsByBand }) => sumCounts(countsByBand))];
  });
}

/**
 * Renders an SVG with a panel for each load band of small and of large limits. Each limiter has a bar, except the exact
 * log, which is never wrong. Panels without any error are left out.
 */
export function renderAccuracyChart(evaluations: readonly Evaluation[]): string {
  const limiters = [...new Set(evaluations.map(({ limiter }) => limiter))].filter((limiter) => limiter !== EXACT_LOG);
  const panels = LIMIT_GROUPS.flatMap(({ title, includes }) =>
    LOAD_BANDS.map((band, index) => ({
      title: `${title}: load ${band}`,
      bars: limiters.map((limiter) => {
        const selected = evaluations.filter(
          (evaluation) => evaluation.limiter === limiter && includes(evaluation.limit),
        );
        const counts = sumCounts(selected.flatMap(({ countsByBand }) => countsByBand[index] ?? []));
        const parts = [counts.wronglyGranted / counts.requests, counts.wronglyRejected / counts.requests] as const;
        return { label: limiter, parts, figure: formatShare(counts.wronglyGranted + counts.wronglyRejected, counts) };
      }),
    })),
  );
  return renderBarChart({
    title: 'Wrong decisions of four limiters by load, in % of the requests: shorter is better',
    heading: 'Wrong decisions',
    legend: [ERROR_KINDS[0].title, ERROR_KINDS[1].title],
    panels: panels.filter(({ bars }) => bars.some(({ parts: [first, second] }) => first + second > 0)),
  });
}

function listLimits(evaluations: readonly Evaluation[]): number[] {
  return [...new Set(evaluations.map(({ limit }) => limit))];
}

function selectLimit(evaluations: readonly Evaluation[], limit: number): readonly Evaluation[] {
  return evaluations.filter((evaluation) => evaluation.limit === limit);
}

/** Formats a share as a percentage. `0` means none at all: small shares keep two significant digits. */
function formatShare(errors: number, { requests }: DecisionCounts): string {
  if (errors === 0) return '0';
  const percent = (100 * errors) / requests;
  return `${percent >= 10 ? percent.toFixed(1) : percent.toPrecision(2)}%`;
}
