import { formatCount } from '../../format/numbers.ts';
import type { WebhookDeliveryJson } from '../../generated/weir/admin/v1/webhook_service_pb.js';
import { Badge, type Tone } from '../../ui/badges/badge.tsx';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import { Time } from '../../ui/time.tsx';

const STATES: Readonly<Record<string, readonly [text: string, tone: Tone]>> = {
  PENDING: ['waits', 'warning'],
  DELIVERED: ['delivered', 'good'],
  FAILED: ['given up', 'bad'],
};
const COLUMNS: readonly Column<WebhookDeliveryJson>[] = [
  { title: 'Time of the event', cell: ({ createTime }) => <Time at={createTime} /> },
  { title: 'Type', cell: ({ eventType }) => <code>{eventType}</code> },
  { title: 'Resource', cell: ({ resource }) => resource || '–' },
  { title: 'State', cell: ({ state = '' }) => <StateOfDelivery state={state} /> },
  { title: 'Attempts', isNumber: true, cell: ({ attempts }) => formatCount(attempts) },
  { title: 'Last status', isNumber: true, cell: ({ responseStatus }) => responseStatus ?? '–' },
  { title: 'Last error', cell: ({ error }) => error || '–' },
  { title: 'Last attempt', cell: ({ lastAttemptTime }) => <Time at={lastAttemptTime} /> },
  { title: 'Next attempt', cell: ({ nextAttemptTime }) => <Time at={nextAttemptTime} /> },
  { title: 'Id of the event', cell: ({ eventId }) => <code>{eventId}</code> },
];

/** Deliveries of a webhook, the newest first. */
export function DeliveriesTable({ deliveries }: { readonly deliveries: readonly WebhookDeliveryJson[] }) {
  return <DataTable caption="Deliveries" rows={deliveries} rowKey={({ name = '' }) => name} columns={COLUMNS} />;
}

function StateOfDelivery({ state }: { readonly state: string }) {
  const [text, tone] = STATES[state] ?? [state, 'neutral'];
  return <Badge tone={tone} text={text} />;
}
