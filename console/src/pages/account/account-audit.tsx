import { usePages } from '../../api/use-pages.ts';
import { writeGrpcurl } from '../../format/grpcurl.ts';
import { quoteFilterValue } from '../../format/resource-names.ts';
import { useQueryState } from '../../shell/use-query-state.ts';
import { ErrorMessage } from '../../ui/error-message.tsx';
import { SelectField } from '../../ui/forms/select-field.tsx';
import { PagedList } from '../../ui/lists/paged-list.tsx';
import { Progress } from '../../ui/progress.tsx';
import { EventsTable } from '../audit/events-table.tsx';

const SHOWN = [
  ['', 'Changes of this account'],
  ['actor', 'Calls by this account'],
] as const;

/** What was changed about an account, or what it has changed. */
export function AccountAudit({ account }: { readonly account: string }) {
  const { values, set } = useQueryState(['show']);
  const show = values.show === 'actor' ? 'actor' : '';
  const filter = `${show || 'resource'} = ${quoteFilterValue(account)}`;
  const list = usePages('AuditService.listAuditEvents', { filter });
  const events = list.pages.flatMap((page) => page.auditEvents ?? []);
  return (
    <>
      <Progress isLoading={list.isLoading} />
      <div class="filters">
        <SelectField label="Show" value={show} onValue={(chosen) => set({ show: chosen })} options={SHOWN} />
      </div>
      <ErrorMessage error={list.error} />
      <PagedList
        list={list}
        count={events.length}
        emptyText="The audit trail has no such event."
        command={writeGrpcurl('AccountService/UpdateAccount', { account: { name: account, displayName: 'Ada' } })}
      >
        <EventsTable events={events} />
      </PagedList>
    </>
  );
}
