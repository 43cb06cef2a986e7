import type { UsageRowJson, UsageTotalsJson } from '../../../generated/weir/admin/v1/usage_service_pb.js';

const COUNTS = ['requests', 'allowed', 'rateLimited', 'quotaExceeded', 'denied', 'hits'] as const;
type Count = (typeof COUNTS)[number];

/** The usage of one API key, route or plan, or of all of them. */
export interface UsageGroup {
  /** The key, route or plan; empty: requests without one, or all requests. */
  readonly key: string;
  readonly totals: UsageTotalsJson;
  readonly rows: readonly UsageRowJson[];
}

/** Sums rows up by what splits them, the largest number of requests first. */
export function sumUsageByGroup(rows: readonly UsageRowJson[], keyOf: (row: UsageRowJson) => string): UsageGroup[] {
  const groups = Map.groupBy(rows, keyOf);
  return [...groups]
    .map(([key, own]) => ({ key, totals: sumTotals(own.map(({ totals }) => totals ?? {})), rows: own }))
    .sort((one, other) => Number(other.totals.requests) - Number(one.totals.requests));
}

function sumTotals(all: readonly UsageTotalsJson[]): UsageTotalsJson {
  const sum = (count: Count) => String(all.reduce((total, totals) => total + Number(totals[count] ?? 0), 0));
  return Object.fromEntries(COUNTS.map((count) => [count, sum(count)]));
}

/** Counts of rows per bucket; 0 where there are none. `buckets` are times in ms at which they begin, in order. */
export function countByBucket(rows: readonly UsageRowJson[], buckets: readonly number[], count: Count): number[] {
  const counts = buckets.map(() => 0);
  for (const { startTime = '', totals } of rows) {
    const time = Date.parse(startTime);
    const index = Math.max(
      0,
      buckets.findLastIndex((bucket) => bucket <= time),
    );
    counts[index] = (counts[index] ?? 0) + Number(totals?.[count] ?? 0);
  }
  return counts;
}
