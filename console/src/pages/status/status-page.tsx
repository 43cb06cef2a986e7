import { useCall } from '../../api/use-call.ts';
import { HealthBadge } from '../../ui/badges/health-badge.tsx';
import { DetailsList } from '../../ui/details-list.tsx';
import { DataTable } from '../../ui/lists/data-table.tsx';
import { Page } from '../../ui/page.tsx';
import { Time } from '../../ui/time.tsx';

const POLL_MS = 5000;

/** The state of the node that serves the console, and of its parts. */
export function StatusPage() {
  const { data, error, isLoading } = useCall('StatusService.getStatus', {}, { pollMs: POLL_MS });
  return (
    <Page title="Status" error={error} isLoading={isLoading}>
      {data !== undefined && (
        <>
          <DetailsList
            entries={[
              ['Node', <HealthBadge key="health" health={data.health} />],
              ['Not ready because of', data.reasons?.join(', ') || 'nothing: it is ready'],
              ['Version', data.version],
              ['Role', data.role],
              ['Started', <Time key="started" at={data.startTime} />],
            ]}
          />
          <DataTable
            caption="Parts of this node"
            rows={data.parts ?? []}
            rowKey={({ name }) => name ?? ''}
            columns={[
              { title: 'Part', cell: ({ name }) => <code>{name}</code> },
              { title: 'Health', cell: ({ health }) => <HealthBadge health={health} /> },
              { title: 'Fault and consequence', cell: ({ message }) => message },
            ]}
          />
        </>
      )}
    </Page>
  );
}
