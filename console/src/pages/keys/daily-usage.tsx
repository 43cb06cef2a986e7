import { formatCount } from '../../format/numbers.ts';
import { Chart } from '../../ui/chart.tsx';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import type { DayUsage } from './list-days.ts';

const COLUMNS: readonly Column<DayUsage>[] = [
  { title: 'Day (UTC)', cell: ({ time }) => new Date(time * 1000).toISOString().slice(0, 10) },
  { title: 'Allowed', isNumber: true, cell: ({ allowed }) => formatCount(allowed) },
  { title: 'Rejected', isNumber: true, cell: ({ rejected }) => formatCount(rejected) },
];

/** Requests by day, as a chart and as a table. */
export function DailyUsage({ days }: { readonly days: readonly DayUsage[] }) {
  const used = days.filter(({ allowed, rejected }) => allowed !== 0 || rejected !== 0);
  return (
    <>
      <Chart
        label="Requests by day"
        times={days.map(({ time }) => time)}
        series={[
          { label: 'Allowed', color: '--series-1', values: days.map(({ allowed }) => allowed) },
          { label: 'Rejected', color: '--series-2', values: days.map(({ rejected }) => rejected) },
        ]}
      />
      <DataTable
        caption="Requests by day"
        rows={used.toReversed()}
        rowKey={({ time }) => String(time)}
        columns={COLUMNS}
      />
    </>
  );
}
