import { formatCount } from '../../format/numbers.ts';
import type { UsageTotalsJson } from '../../generated/weir/admin/v1/usage_service_pb.js';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';

/** Totals of usage, and what they belong to. */
export interface TotalsRow {
  readonly key: string;
  readonly totals: UsageTotalsJson;
}

const COUNTS: readonly Column<TotalsRow>[] = [
  { title: 'Requests', isNumber: true, cell: ({ totals }) => formatCount(totals.requests) },
  { title: 'Allowed', isNumber: true, cell: ({ totals }) => formatCount(totals.allowed) },
  { title: 'Rate limited', isNumber: true, cell: ({ totals }) => formatCount(totals.rateLimited) },
  { title: 'Quota exceeded', isNumber: true, cell: ({ totals }) => formatCount(totals.quotaExceeded) },
  { title: 'Denied', isNumber: true, cell: ({ totals }) => formatCount(totals.denied) },
  { title: 'Hits', isNumber: true, cell: ({ totals }) => formatCount(totals.hits) },
];

interface Props<R extends TotalsRow> {
  readonly caption: string;
  /** The first column: what the totals of a row belong to. */
  readonly first: Column<R>;
  readonly rows: readonly R[];
}

/** Numbers of requests by their outcome. */
export function TotalsTable<R extends TotalsRow>({ caption, first, rows }: Props<R>) {
  return <DataTable caption={caption} columns={[first, ...COUNTS]} rows={rows} rowKey={({ key }) => key} />;
}
