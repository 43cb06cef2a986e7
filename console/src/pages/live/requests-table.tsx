import type { RequestLogJson } from '../../generated/weir/admin/v1/request_log_service_pb.js';
import { Badge, type Tone } from '../../ui/badges/badge.tsx';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import { Time } from '../../ui/time.tsx';
import { ResourceLink } from '../keys/keys-table.tsx';

const COLUMNS: readonly Column<RequestLogJson>[] = [
  { title: 'Time', cell: ({ createTime }) => <Time at={createTime} /> },
  { title: 'Status', cell: ({ status = 0 }) => <Badge tone={toneOf(status)} text={String(status)} /> },
  { title: 'Code', cell: ({ code }) => <code>{code || '–'}</code> },
  { title: 'Request', cell: ({ method, path }) => <code>{`${method} ${path}`}</code> },
  { title: 'Route', cell: ({ route }) => route || '–' },
  { title: 'Account', cell: ({ account }) => <ResourceLink name={account} empty="–" /> },
  { title: 'API key', cell: ({ apiKey }) => <ResourceLink name={apiKey} empty="–" /> },
  { title: 'Client', cell: ({ peer }) => peer },
];

/** Requests that Envoy has answered. */
export function RequestsTable({ rows }: { readonly rows: readonly RequestLogJson[] }) {
  return (
    <DataTable
      caption="Requests"
      rows={rows}
      rowKey={({ createTime, requestId }) => `${createTime} ${requestId}`}
      columns={COLUMNS}
    />
  );
}

function toneOf(status: number): Tone {
  if (status >= 500) return 'bad';
  return status >= 400 ? 'warning' : 'neutral';
}
