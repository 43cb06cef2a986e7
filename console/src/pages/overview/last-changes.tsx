import { useCall } from '../../api/use-call.ts';
import { ErrorMessage } from '../../ui/error-message.tsx';
import { EventsTable } from '../audit/events-table.tsx';

const CHANGES_SHOWN = 5;

/** The last changes that somebody made. */
export function LastChanges() {
  const { data, error } = useCall('AuditService.listAuditEvents', { pageSize: CHANGES_SHOWN, filter: 'result = OK' });
  const events = data?.auditEvents ?? [];
  return (
    <>
      <h2>Last changes</h2>
      <ErrorMessage error={error} />
      {data !== undefined && events.length === 0 && <p>Nothing has been changed yet.</p>}
      {events.length > 0 && <EventsTable events={events} />}
      <p>
        <a href="/console/audit">All changes and refused calls</a>
      </p>
    </>
  );
}
