import { describeLimit } from '../../format/describe-limit.ts';
import { describeLimitOptions } from '../../format/describe-limit-options.ts';
import type { LimitJson } from '../../generated/weir/admin/v1/limit_pb.js';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';

const COLUMNS: readonly Column<LimitJson>[] = [
  { title: 'Limit', cell: ({ name }) => <code>{name}</code> },
  { title: 'Allows', cell: (limit) => describeLimit(limit) },
  { title: 'Also', cell: (limit) => describeLimitOptions(limit).join(', ') || '–' },
];

/** The limits of a plan. */
export function PlanLimitsTable({ limits }: { readonly limits: readonly LimitJson[] }) {
  if (limits.length === 0) return <p>The plan has no limit, because an earlier version of Weir has created it.</p>;
  return <DataTable caption="Limits" rows={limits} rowKey={({ name = '' }) => name} columns={COLUMNS} />;
}
