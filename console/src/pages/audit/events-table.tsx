import type { AuditEventJson, FieldChangeJson } from '../../generated/weir/admin/v1/audit_service_pb.js';
import { Badge } from '../../ui/badges/badge.tsx';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import { Time } from '../../ui/time.tsx';

const COLUMNS: readonly Column<AuditEventJson>[] = [
  { title: 'Time', cell: ({ createTime }) => <Time at={createTime} /> },
  { title: 'Actor', cell: ({ actor, actorKind }) => <code>{actor || describeKind(actorKind)}</code> },
  { title: 'Method', cell: ({ method = '' }) => <code>{method.replace('weir.admin.v1.', '')}</code> },
  { title: 'Resource', cell: ({ resource }) => <code>{resource}</code> },
  { title: 'Result', cell: ({ result = '' }) => <Badge tone={result === 'OK' ? 'good' : 'bad'} text={result} /> },
  { title: 'Changes', cell: ({ changes = [] }) => <Changes changes={changes} /> },
  { title: 'Client', cell: ({ peer }) => peer },
  { title: 'Request id', cell: ({ requestId }) => <code>{requestId}</code> },
];

/** Events of the audit trail, the newest first. */
export function EventsTable({ events }: { readonly events: readonly AuditEventJson[] }) {
  return <DataTable caption="Audit events" rows={events} rowKey={({ name = '' }) => name} columns={COLUMNS} />;
}

/** `ACTOR_KIND_SYSTEM` is `system`. */
function describeKind(kind = 'ACTOR_KIND_UNSPECIFIED'): string {
  return kind.replace('ACTOR_KIND_', '').toLowerCase();
}

function Changes({ changes }: { readonly changes: readonly FieldChangeJson[] }) {
  if (changes.length === 0) return <>–</>;
  return (
    <details>
      <summary>{changes.length === 1 ? '1 field' : `${changes.length} fields`}</summary>
      <dl>
        {changes.map(({ field, oldValue, newValue }) => (
          <div key={field}>
            <dt>
              <code>{field}</code>
            </dt>
            <dd>
              <code>{formatValue(oldValue)}</code> → <code>{formatValue(newValue)}</code>
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** A value of JSON; undefined: the field had none. */
function formatValue(value: unknown): string {
  return value === undefined || value === null ? 'none' : JSON.stringify(value);
}
