import { describeLimit } from '../../format/describe-limit.ts';
import { readLimitSize } from '../../format/limit-size.ts';
import { formatCount } from '../../format/numbers.ts';
import type { LimitUsageJson } from '../../generated/weir/admin/v1/usage_service_pb.js';
import { type Column, DataTable } from '../lists/data-table.tsx';
import { Time } from '../time.tsx';
import { UsageMeter } from '../usage-meter.tsx';

const COLUMNS: readonly Column<LimitUsageJson>[] = [
  { title: 'Limit', cell: ({ label }) => <code>{label}</code> },
  { title: 'Allows', cell: ({ limit = {} }) => describeLimit(limit) },
  {
    title: 'Used',
    cell: (usage) => (isCounted(usage) ? <Used usage={usage} /> : '–'),
  },
  {
    title: 'Remaining',
    isNumber: true,
    cell: (usage) => (isCounted(usage) ? formatCount(usage.remaining) : '–'),
  },
  { title: 'All free again', cell: ({ resetTime }) => <Time at={resetTime} /> },
];

function isCounted({ limit }: LimitUsageJson): boolean {
  return limit?.algorithm !== 'unlimited';
}

function Used({ usage: { label = '', limit = {}, used = 0, remaining = 0 } }: { readonly usage: LimitUsageJson }) {
  // Credits that were added exceed the limit itself. While a limit blocks, nothing remains although less is used.
  const size = Math.max(readLimitSize(limit), used + remaining);
  return <UsageMeter label={`Used of ${label}`} used={used} limit={size} />;
}

/** Limits with what is used of them now. */
export function LimitUsageTable({ limits }: { readonly limits: readonly LimitUsageJson[] }) {
  if (limits.length === 0) return <p>No limit counts, or the counters cannot be reached.</p>;
  return <DataTable caption="Limits now" rows={limits} rowKey={({ label = '' }) => label} columns={COLUMNS} />;
}
