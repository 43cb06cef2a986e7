import { useState } from 'preact/hooks';
import { ErrorBoundary, lazy } from 'preact-iso';
import { useCall } from '../../api/use-call.ts';
import { quoteFilterValue } from '../../format/resource-names.ts';
import type { ApiKeyJson } from '../../generated/weir/admin/v1/api_key_service_pb.js';
import { ErrorMessage } from '../../ui/error-message.tsx';
import { EmptyState } from '../../ui/lists/empty-state.tsx';
import { Progress } from '../../ui/progress.tsx';
import { UsageNow } from '../account-parts/usage-now.tsx';
import { listDays } from './list-days.ts';

const DAYS = 30;
const DAY_MS = 86_400_000;
const SEND_ONE = 'curl -H "x-api-key: wk_live_…" http://localhost:10000/';

/** Loads with its chart, which is larger than the rest of the page, when it is first shown. */
const DailyUsage = lazy(() => import('./daily-usage.tsx').then((module) => module.DailyUsage));

/** Limits of a key with their usage now, and its requests of the last 30 days. */
export function KeyUsage({ apiKey: { name = '', account = '' } }: { readonly apiKey: ApiKeyJson }) {
  const [end] = useState(() => new Date(Math.ceil(Date.now() / DAY_MS) * DAY_MS));
  const start = new Date(end.getTime() - DAYS * DAY_MS);
  const { data, error, isLoading } = useCall('UsageService.queryUsage', {
    parent: account,
    startTime: start.toISOString(),
    endTime: end.toISOString(),
    step: 'DAY',
    filter: `api_key = ${quoteFilterValue(name)}`,
  });
  const rows = data?.rows ?? [];
  return (
    <>
      <UsageNow name={name} />
      <h2>Usage of the last {DAYS} days</h2>
      <Progress isLoading={isLoading} />
      <ErrorMessage error={error} />
      {data !== undefined && rows.length === 0 && (
        <EmptyState
          text="No request was recorded in this time. Usage appears within about a minute of a request through Envoy:"
          command={SEND_ONE}
        />
      )}
      {rows.length > 0 && (
        <ErrorBoundary>
          <DailyUsage days={listDays(rows, start, DAYS)} />
        </ErrorBoundary>
      )}
    </>
  );
}
