import { useState } from 'preact/hooks';
import { useCall } from '../../api/use-call.ts';
import type { RequestLogJson } from '../../generated/weir/admin/v1/request_log_service_pb.js';
import { useQueryState } from '../../shell/use-query-state.ts';
import { SearchField } from '../../ui/forms/search-field.tsx';
import { SelectField } from '../../ui/forms/select-field.tsx';
import { EmptyState } from '../../ui/lists/empty-state.tsx';
import { Page } from '../../ui/page.tsx';
import { LIVE_FILTERS, writeLiveFilter } from './live-filter.ts';
import { RequestsTable } from './requests-table.tsx';
import { readShown, SHOWN_REQUESTS } from './shown-requests.ts';

const POLL_MS = 2000;
const ROWS_SHOWN = 100;
const HOUR_MS = 3_600_000;

/** Requests that were refused, from an hour before the page was opened until now. */
export function LivePage() {
  const [since] = useState(() => new Date(Date.now() - HOUR_MS));
  const { values, set } = useQueryState(LIVE_FILTERS);
  const { data, error, isLoading } = useCall(
    'RequestLogService.listRequestLogs',
    {
      parent: values.account === '' ? 'accounts/-' : `accounts/${values.account}`,
      pageSize: ROWS_SHOWN,
      filter: writeLiveFilter(values, since),
    },
    { pollMs: POLL_MS },
  );
  const rows: readonly RequestLogJson[] = data?.requestLogs ?? [];
  return (
    <Page title="Live" error={error} isLoading={isLoading && data === undefined}>
      <div class="filters">
        <SelectField
          label="Show"
          value={readShown(values.show)}
          onValue={(show) => set({ show })}
          options={SHOWN_REQUESTS}
        />
        <SearchField label="Account" value={values.account} onValue={(account) => set({ account })} />
        <SearchField label="API key" value={values.apiKey} onValue={(apiKey) => set({ apiKey })} />
        <SearchField label="Route" value={values.route} onValue={(route) => set({ route })} />
        <SearchField label="Code" placeholder="rate_limited" value={values.code} onValue={(code) => set({ code })} />
      </div>
      {data !== undefined && rows.length === 0 && (
        <EmptyState
          text="No request of the last hour matches. Requests appear once Envoy sends its access log to Weir (docs/request-log.md):"
          command="REQUEST_LOG=on npm start"
        />
      )}
      {rows.length > 0 && <RequestsTable rows={rows} />}
    </Page>
  );
}
