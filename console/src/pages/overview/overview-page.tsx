import { useCall } from '../../api/use-call.ts';
import { formatSeconds } from '../../format/durations.ts';
import type { GetOverviewResponseJson } from '../../generated/weir/admin/v1/overview_service_pb.js';
import { HealthBadge } from '../../ui/badges/health-badge.tsx';
import { DetailsList } from '../../ui/details-list.tsx';
import { EmptyState } from '../../ui/lists/empty-state.tsx';
import { Page } from '../../ui/page.tsx';
import { Time } from '../../ui/time.tsx';
import { LastChanges } from './last-changes.tsx';
import { Traffic } from './traffic.tsx';
import { useIntervals } from './use-intervals.ts';

const POLL_MS = 2000;

/** The node at a glance: what it decides, the state of its parts, and the last changes. */
export function OverviewPage() {
  const { data, error, isLoading } = useCall('OverviewService.getOverview', {}, { pollMs: POLL_MS });
  const intervals = useIntervals(data);
  return (
    <Page title="Overview" error={error} isLoading={isLoading && data === undefined}>
      {data !== undefined && (
        <>
          {data.decisions === undefined ? (
            <EmptyState text="This node answers no Envoy, so it has no decisions to show. Its state is below." />
          ) : (
            <Traffic decisions={data.decisions} intervals={intervals} />
          )}
          <h2>This node</h2>
          <NodeDetails overview={data} />
        </>
      )}
      <LastChanges />
    </Page>
  );
}

function NodeDetails({ overview }: { readonly overview: GetOverviewResponseJson }) {
  const { parts = [], counterStore, rules, catalogAgeSeconds } = overview;
  const findHealth = (name: string) => parts.find((part) => part.name === name)?.health;
  return (
    <DetailsList
      entries={[
        ['Node', overview.node],
        ['Health', <HealthBadge key="health" health={overview.health} />],
        ['Postgres', <HealthBadge key="postgres" health={findHealth('postgres')} />],
        [
          counterStore?.kind === 'memory' ? 'Counters, in memory' : 'Redis',
          <Reachable key="store" store={counterStore} />,
        ],
        ['Live nodes', overview.liveNodes ?? 'this one: counters are not shared'],
        ['Age of the catalog', catalogAgeSeconds === undefined ? '–' : formatSeconds(Number(catalogAgeSeconds))],
        ['Rules', rules?.version ? <code key="rules">{rules.version}</code> : 'none'],
        ['Rules loaded', <Time key="loaded" at={rules?.loadTime} />],
        ['Version', overview.version],
        ['Role', overview.role],
        ['Started', <Time key="started" at={overview.startTime} />],
      ]}
    />
  );
}

function Reachable({ store }: { readonly store: GetOverviewResponseJson['counterStore'] }) {
  if (store === undefined) return <>–</>;
  return <HealthBadge health={store.reachable ? 'HEALTHY' : 'UNHEALTHY'} />;
}
