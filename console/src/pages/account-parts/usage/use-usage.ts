import { useEffect } from 'preact/hooks';
import { usePages } from '../../../api/use-pages.ts';
import type { QueryUsageRequest_GroupByJson as GroupBy } from '../../../generated/weir/admin/v1/usage_service_pb.js';
import type { UsageGroupName } from './usage-controls.tsx';
import type { UsageRange } from './usage-range.ts';

/** More rows take a minute to load and nobody reads them. */
const MAX_PAGES = 10;
const ROWS_PER_PAGE = 1000;

const GROUP_BY: Readonly<Record<UsageGroupName, readonly GroupBy[]>> = {
  '': [],
  key: ['API_KEY'],
  route: ['ROUTE'],
  plan: ['PLAN'],
};
const STEPS = { hour: 'HOUR', day: 'DAY', month: 'MONTH' } as const;

/** Loads all rows of usage of an account in a time range, up to 10,000 of them. */
export function useUsage(account: string, range: UsageRange, group: UsageGroupName) {
  const { pages, error, isLoading, loadMore } = usePages('UsageService.queryUsage', {
    parent: account,
    startTime: range.start.toISOString(),
    endTime: range.end.toISOString(),
    step: STEPS[range.step],
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    groupBy: [...GROUP_BY[group]],
    pageSize: ROWS_PER_PAGE,
  });
  const canLoadMore = loadMore !== undefined;
  useEffect(() => {
    if (pages.length < MAX_PAGES) loadMore?.();
  }, [pages.length, canLoadMore]);
  return {
    rows: pages.flatMap((page) => page.rows ?? []),
    warnings: [...new Set(pages.flatMap((page) => page.warnings ?? []))],
    error,
    isLoading,
    /** Whether there is a first answer. */
    isLoaded: pages.length > 0,
    /** Whether there are more rows than were loaded. */
    isCutOff: pages.length >= MAX_PAGES && canLoadMore,
  };
}
