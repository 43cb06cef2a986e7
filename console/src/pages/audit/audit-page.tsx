import { usePages } from '../../api/use-pages.ts';
import { useQueryState } from '../../shell/use-query-state.ts';
import { Field } from '../../ui/forms/field.tsx';
import { SearchField } from '../../ui/forms/search-field.tsx';
import { SelectField } from '../../ui/forms/select-field.tsx';
import { PagedList } from '../../ui/lists/paged-list.tsx';
import { Page } from '../../ui/page.tsx';
import { AUDIT_FILTERS, writeAuditFilter } from './audit-filter.ts';
import { EventsTable } from './events-table.tsx';

const RESULTS = [
  ['', 'Changes and refused calls'],
  ['changes', 'Changes'],
  ['refused', 'Refused calls'],
] as const;

/** Who changed what, and which calls were refused. */
export function AuditPage() {
  const { values, set } = useQueryState(AUDIT_FILTERS);
  const filter = writeAuditFilter(values);
  const list = usePages('AuditService.listAuditEvents', { pageSize: 50, filter });
  const events = list.pages.flatMap(({ auditEvents = [] }) => auditEvents);
  return (
    <Page title="Audit" error={list.error} isLoading={list.isLoading}>
      <div class="filters">
        <SelectField label="Show" value={values.result} onValue={(result) => set({ result })} options={RESULTS} />
        <SearchField
          label="Resource"
          placeholder="plans/pro"
          value={values.resource}
          onValue={(resource) => set({ resource })}
        />
        <SearchField label="Actor" placeholder="accounts/…" value={values.actor} onValue={(actor) => set({ actor })} />
        <SearchField
          label="Method"
          placeholder="PlanService/UpdatePlan"
          value={values.method}
          onValue={(method) => set({ method })}
        />
        <Field label="Since" type="date" value={values.since} onValue={(since) => set({ since })} />
      </div>
      <PagedList
        list={list}
        count={events.length}
        emptyText="No event matches. Every change of the admin API leaves one, such as this:"
        command={`grpcurl -plaintext -H "$A" -d '{"planId": "pro", "plan": {"limits": [{"name": "rate", "requests": 100, "window": "60s"}]}}' localhost:8082 weir.admin.v1.PlanService/CreatePlan`}
      >
        <EventsTable events={events} />
      </PagedList>
    </Page>
  );
}
