import { formatCompact, formatShare } from '../../format/numbers.ts';
import type { DecisionStatisticsJson } from '../../generated/weir/admin/v1/overview_service_pb.js';
import { Card } from '../../ui/card.tsx';
import { Chart } from '../../ui/chart.tsx';
import { DataTable } from '../../ui/lists/data-table.tsx';
import { EmptyState } from '../../ui/lists/empty-state.tsx';
import type { Interval } from './rates.ts';

interface Props {
  readonly decisions: DecisionStatisticsJson;
  readonly intervals: readonly Interval[];
}

/** What the node decides now, and has decided since its start. */
export function Traffic({ decisions: { counts = [] }, intervals }: Props) {
  const last = intervals.at(-1);
  if (counts.length === 0) {
    return (
      <EmptyState
        text="This node has not decided anything yet. Point an Envoy at it (docs/envoy.md), or try:"
        command="npm run demo"
      />
    );
  }
  return (
    <>
      <div class="cards">
        <Card title="Decisions per second" value={last === undefined ? '…' : formatCompact(last.perSecond)} />
        <Card title="Refused" value={last === undefined ? '…' : formatShare(last.refusedPerSecond, last.perSecond)} />
        <Card title="99% answered within" value={last === undefined ? '…' : formatLatency(last.p99)} />
      </div>
      {intervals.length > 1 && (
        <Chart
          label="Decisions per second, granted and refused, since this page was opened"
          times={intervals.map(({ time }) => time)}
          series={[
            {
              label: 'granted per second',
              color: '--series-1',
              values: intervals.map(({ perSecond, refusedPerSecond }) => perSecond - refusedPerSecond),
            },
            {
              label: 'refused per second',
              color: '--series-2',
              values: intervals.map(({ refusedPerSecond }) => refusedPerSecond),
            },
          ]}
        />
      )}
      <DecisionsTable counts={counts} />
    </>
  );
}

function DecisionsTable({ counts }: { readonly counts: NonNullable<DecisionStatisticsJson['counts']> }) {
  const total = counts.reduce((sum, { count = 0 }) => sum + Number(count), 0);
  return (
    <DataTable
      caption="Decisions since the start of this node"
      rows={[...counts].sort((a, b) => Number(b.count) - Number(a.count))}
      rowKey={({ question, verdict, source }) => `${question} ${verdict} ${source}`}
      columns={[
        { title: 'Question', cell: ({ question }) => <code>{question}</code> },
        { title: 'Verdict', cell: ({ verdict }) => <code>{verdict}</code> },
        { title: 'Decided by', cell: ({ source }) => <code>{source}</code> },
        { title: 'Decisions', isNumber: true, cell: ({ count }) => formatCompact(count) },
        { title: 'Share', isNumber: true, cell: ({ count }) => formatShare(Number(count), total) },
      ]}
    />
  );
}

/** `–` where there were no calls, or they took longer than the largest bucket. */
function formatLatency(seconds: number | undefined): string {
  return seconds === undefined ? '–' : `${Number((seconds * 1000).toPrecision(2))} ms`;
}
