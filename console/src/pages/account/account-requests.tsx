import { usePages } from '../../api/use-pages.ts';
import { useQueryState } from '../../shell/use-query-state.ts';
import { ErrorMessage } from '../../ui/error-message.tsx';
import { SelectField } from '../../ui/forms/select-field.tsx';
import { EmptyState } from '../../ui/lists/empty-state.tsx';
import { LoadMore } from '../../ui/lists/load-more.tsx';
import { Progress } from '../../ui/progress.tsx';
import { RequestsTable } from '../live/requests-table.tsx';
import { readShown, SHOWN_REQUESTS, writeShownCondition } from '../live/shown-requests.ts';

/** Requests of an account from the request log: by default those that Weir refused. */
export function AccountRequests({ account }: { readonly account: string }) {
  const { values, set } = useQueryState(['show']);
  const show = readShown(values.show);
  const request = { parent: account, filter: writeShownCondition(show) };
  const { pages, error, isLoading, loadMore } = usePages('RequestLogService.listRequestLogs', request);
  const requests = pages.flatMap((page) => page.requestLogs ?? []);
  return (
    <>
      <Progress isLoading={isLoading} />
      <div class="filters">
        <SelectField label="Show" value={show} onValue={(chosen) => set({ show: chosen })} options={SHOWN_REQUESTS} />
      </div>
      <ErrorMessage error={error} />
      {pages.length > 0 && requests.length === 0 && (
        <EmptyState
          text="The request log has no such request. It has rows once Envoy sends its access log to Weir (docs/request-log.md):"
          command="REQUEST_LOG=on npm start"
        />
      )}
      {requests.length > 0 && <RequestsTable rows={requests} />}
      <LoadMore loadMore={loadMore} />
    </>
  );
}
