import { useState } from 'preact/hooks';
import { usePages } from '../../api/use-pages.ts';
import { writeGrpcurl } from '../../format/grpcurl.ts';
import { readId } from '../../format/resource-names.ts';
import { writeResourceUrl } from '../../format/urls.ts';
import type { WebhookJson } from '../../generated/weir/admin/v1/webhook_service_pb.js';
import { StateBadge } from '../../ui/badges/state-badge.tsx';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import { PagedList } from '../../ui/lists/paged-list.tsx';
import { Page } from '../../ui/page.tsx';
import { Time } from '../../ui/time.tsx';
import { CreateWebhookDialog } from './create-webhook-dialog.tsx';

const CREATE = writeGrpcurl('WebhookService/CreateWebhook', {
  webhook: { url: 'https://hooks.example.com/weir', eventTypes: ['key.*', 'account.deleted'] },
});
const COLUMNS: readonly Column<WebhookJson>[] = [
  {
    title: 'Webhook',
    cell: ({ name = '', displayName }) => <a href={writeResourceUrl(name)}>{displayName || readId(name)}</a>,
  },
  { title: 'URL', cell: ({ url }) => <code>{url}</code> },
  { title: 'Types of events', cell: ({ eventTypes = [] }) => eventTypes.join(', ') },
  { title: 'State', cell: ({ disabled }) => <StateBadge isDisabled={disabled} /> },
  { title: 'Last delivery', cell: ({ lastDeliveryTime }) => <Time at={lastDeliveryTime} /> },
];

/** URLs to which Weir sends events. */
export function WebhooksPage() {
  const list = usePages('WebhookService.listWebhooks', {});
  const [isCreating, setCreating] = useState(false);
  const webhooks = list.pages.flatMap((page) => page.webhooks ?? []);
  const actions = (
    <button type="button" class="primary" onClick={() => setCreating(true)}>
      Create a webhook
    </button>
  );
  return (
    <Page title="Webhooks" error={list.error} isLoading={list.isLoading} actions={actions}>
      <PagedList
        list={list}
        count={webhooks.length}
        emptyText="Weir sends events to nobody. This adds a webhook:"
        command={CREATE}
      >
        <DataTable caption="Webhooks" rows={webhooks} rowKey={({ name = '' }) => name} columns={COLUMNS} />
      </PagedList>
      {isCreating && <CreateWebhookDialog onCreated={list.reload} onClose={() => setCreating(false)} />}
    </Page>
  );
}
