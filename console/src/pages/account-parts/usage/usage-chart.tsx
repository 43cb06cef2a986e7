import { useMemo } from 'preact/hooks';
import type { UsageRowJson } from '../../../generated/weir/admin/v1/usage_service_pb.js';
import { Chart, type Series } from '../../../ui/chart.tsx';
import { countByBucket, type UsageGroup } from './sum-usage.ts';
import { listBuckets, type UsageRange } from './usage-range.ts';

const OUTCOMES = [
  ['allowed', 'Allowed', '--series-1'],
  ['rateLimited', 'Rate limited', '--series-2'],
  ['quotaExceeded', 'Quota exceeded', '--series-3'],
  ['denied', 'Denied', '--series-4'],
] as const;
const COLORS = OUTCOMES.map(([, , color]) => color);
/** The chart has no more colours. */
export const MAX_GROUPS_IN_CHART = COLORS.length;

interface Props {
  readonly range: UsageRange;
  readonly rows: readonly UsageRowJson[];
  /** The groups with the most requests; undefined: the usage is split by outcome. */
  readonly groups: readonly UsageGroup[] | undefined;
  readonly nameOf: (key: string) => string;
}

/** Requests over time: by outcome, or those of each group. */
export function UsageChart({ range, rows, groups, nameOf }: Props) {
  const { step, start, end } = range;
  const buckets = useMemo(() => listBuckets(range), [step, start.getTime(), end.getTime()]);
  const times = useMemo(() => buckets.map((bucket) => bucket / 1000), [buckets]);
  const series: readonly Series[] =
    groups === undefined
      ? OUTCOMES.map(([count, label, color]) => ({ label, color, values: countByBucket(rows, buckets, count) }))
      : groups.slice(0, MAX_GROUPS_IN_CHART).map((group, index) => ({
          label: nameOf(group.key),
          color: COLORS[index] ?? '',
          values: countByBucket(group.rows, buckets, 'requests'),
        }));
  const label = groups === undefined ? `Requests per ${step}, by outcome` : `Requests per ${step}`;
  return <Chart label={`${label}. The table below has the numbers.`} times={times} series={series} />;
}
