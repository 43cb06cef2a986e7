import { usePages } from '../../api/use-pages.ts';
import { useQueryState } from '../../shell/use-query-state.ts';
import { ErrorMessage } from '../../ui/error-message.tsx';
import { SelectField } from '../../ui/forms/select-field.tsx';
import { PagedList } from '../../ui/lists/paged-list.tsx';
import { Progress } from '../../ui/progress.tsx';
import { RequestsTable } from '../live/requests-table.tsx';
import { readShown, SHOWN_REQUESTS, writeShownCondition } from '../live/shown-requests.ts';

/** Requests of an account from the request log: by default those that Weir refused. */
export function AccountRequests({ account }: { readonly account: string }) {
  const { values, set } = useQueryState(['show']);
  const show = readShown(values.show);
  const request = { parent: account, filter: writeShownCondition(show) };
  const list = usePages('RequestLogService.listRequestLogs', request);
  const requests = list.pages.flatMap((page) => page.requestLogs ?? []);
  return (
    <>
      <Progress isLoading={list.isLoading} />
      <div class="filters">
        <SelectField label="Show" value={show} onValue={(chosen) => set({ show: chosen })} options={SHOWN_REQUESTS} />
      </div>
      <ErrorMessage error={list.error} />
      <PagedList
        list={list}
        count={requests.length}
        emptyText="The request log has no such request. It has rows once Envoy sends its access log to Weir (docs/request-log.md):"
        command="REQUEST_LOG=on npm start"
      >
        <RequestsTable rows={requests} />
      </PagedList>
    </>
  );
}
