import { useState } from 'preact/hooks';
import { useRoute } from 'preact-iso';
import { call } from '../../api/call.ts';
import { useAction } from '../../api/use-action.ts';
import { useCall } from '../../api/use-call.ts';
import { usePages } from '../../api/use-pages.ts';
import { writeGrpcurl } from '../../format/grpcurl.ts';
import type { WebhookJson } from '../../generated/weir/admin/v1/webhook_service_pb.js';
import { StateBadge } from '../../ui/badges/state-badge.tsx';
import { DetailsList } from '../../ui/details-list.tsx';
import { DialogButtons } from '../../ui/dialogs/dialog-buttons.tsx';
import { ErrorMessage } from '../../ui/error-message.tsx';
import { PagedList } from '../../ui/lists/paged-list.tsx';
import { Page } from '../../ui/page.tsx';
import { Progress } from '../../ui/progress.tsx';
import { Time } from '../../ui/time.tsx';
import { DeliveriesTable } from './deliveries-table.tsx';
import {
  DeleteWebhookDialog,
  DisableWebhookDialog,
  EditWebhookDialog,
  RotateWebhookSecretDialog,
} from './webhook-dialogs.tsx';

type OpenDialog = 'edit' | 'rotate' | 'disable' | 'delete';

/** One webhook and its deliveries. */
export function WebhookPage() {
  const { params } = useRoute();
  const name = `webhooks/${params.id}`;
  const { data: webhook, error, isLoading, reload } = useCall('WebhookService.getWebhook', { name });
  const [open, setOpen] = useState<OpenDialog>();
  const title = webhook?.displayName || `Webhook ${params.id}`;
  const actions = webhook !== undefined && (
    <DialogButtons<OpenDialog>
      buttons={[
        ['edit', 'Edit'],
        ['rotate', 'Rotate the secret'],
        ['disable', webhook.disabled ? 'Enable' : 'Disable'],
        ['delete', 'Delete'],
      ]}
      onOpen={setOpen}
    />
  );
  const props = { onChanged: reload, onClose: () => setOpen(undefined) };
  return (
    <Page title={title} error={error} isLoading={isLoading} actions={actions}>
      {webhook !== undefined && (
        <>
          <WebhookDetails webhook={webhook} />
          <Deliveries name={name} />
          {open === 'edit' && <EditWebhookDialog webhook={webhook} {...props} />}
          {open === 'rotate' && <RotateWebhookSecretDialog webhook={webhook} {...props} />}
          {open === 'disable' && <DisableWebhookDialog webhook={webhook} {...props} />}
          {open === 'delete' && <DeleteWebhookDialog webhook={webhook} onClose={props.onClose} />}
        </>
      )}
    </Page>
  );
}

function WebhookDetails({ webhook }: { readonly webhook: WebhookJson }) {
  const { eventTypes = [], disableReason, formerSecretExpireTime } = webhook;
  return (
    <DetailsList
      entries={[
        ['State', <StateBadge key="state" isDisabled={webhook.disabled} />],
        ...(disableReason ? [['Weir disabled it because', disableReason] as const] : []),
        ['URL', <code key="url">{webhook.url}</code>],
        ['Types of events', eventTypes.join(', ')],
        ['Last delivery', <Time key="last" at={webhook.lastDeliveryTime} />],
        ['Former secret signs until', <Time key="former" at={formerSecretExpireTime} />],
        ['Created', <Time key="created" at={webhook.createTime} />],
        ['Changed', <Time key="changed" at={webhook.updateTime} />],
      ]}
    />
  );
}

function Deliveries({ name }: { readonly name: string }) {
  const list = usePages('WebhookService.listWebhookDeliveries', { parent: name });
  const test = useAction(async () => {
    await call('WebhookService.sendTestEvent', { name });
    list.reload();
  });
  const deliveries = list.pages.flatMap((page) => page.deliveries ?? []);
  return (
    <>
      <h2>Deliveries of the last 14 days</h2>
      <Progress isLoading={list.isLoading || test.isRunning} />
      <ErrorMessage error={test.error ?? list.error} />
      <p class="actions">
        <button type="button" disabled={test.isRunning} onClick={() => void test.run()}>
          Send a test event
        </button>
        <button type="button" onClick={list.reload}>
          Reload
        </button>
      </p>
      <PagedList
        list={list}
        count={deliveries.length}
        emptyText="There is no delivery yet. This sends a test event:"
        command={writeGrpcurl('WebhookService/SendTestEvent', { name })}
      >
        <DeliveriesTable deliveries={deliveries} />
      </PagedList>
    </>
  );
}
