import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { call } from '../../api/call.ts';
import { readLines, writeLines } from '../../format/lines.ts';
import { listChangedFields } from '../../format/list-changed-fields.ts';
import type { WebhookJson } from '../../generated/weir/admin/v1/webhook_service_pb.js';
import { ConfirmDialog } from '../../ui/dialogs/confirm-dialog.tsx';
import { FormDialog } from '../../ui/dialogs/form-dialog.tsx';
import { SecretFormDialog } from '../../ui/dialogs/secret-form-dialog.tsx';
import { Field } from '../../ui/forms/field.tsx';
import { WebhookFields } from './webhook-fields.tsx';

interface Props {
  readonly webhook: WebhookJson;
  readonly onChanged: () => void;
  readonly onClose: () => void;
}

/** Changes a webhook. Sends only the fields that differ. */
export function EditWebhookDialog({ webhook, onChanged, onClose }: Props) {
  const { name = '', etag = '', displayName = '', url = '', eventTypes } = webhook;
  const [before] = useState({ displayName, url, eventTypes: writeLines(eventTypes) });
  const [form, setForm] = useState(before);
  const updateMask = listChangedFields(before, form).join(',');
  const save = async () => {
    if (updateMask === '') return;
    const changed = { ...form, eventTypes: readLines(form.eventTypes), name, etag };
    await call('WebhookService.updateWebhook', { webhook: changed, updateMask });
    onChanged();
  };
  return (
    <FormDialog title="Edit the webhook" action="Save" act={save} onClose={onClose}>
      {(error) => <WebhookFields form={form} onForm={setForm} error={error} />}
    </FormDialog>
  );
}

/** Replaces the secret of a webhook and shows the new one, once. */
export function RotateWebhookSecretDialog({ webhook: { name = '' }, onChanged, onClose }: Props) {
  const [overlap, setOverlap] = useState('24h');
  const rotate = async () => {
    const { secret } = await call('WebhookService.rotateWebhookSecret', { name, overlap });
    onChanged();
    return secret;
  };
  return (
    <SecretFormDialog
      title="Rotate the secret"
      action="Rotate secret"
      act={rotate}
      onClose={onClose}
      secretLabel="New secret that verifies deliveries"
      ifLost="If it is lost, rotate the secret again."
    >
      {(error) => (
        <Field
          label="Overlap"
          hint="How long deliveries are signed with both secrets, at most 30d. Empty: 24h."
          value={overlap}
          onValue={setOverlap}
          error={error}
          field="overlap"
        />
      )}
    </SecretFormDialog>
  );
}

/** Disables a webhook, or enables it again. */
export function DisableWebhookDialog({ webhook, onChanged, onClose }: Props) {
  const { name = '', etag = '', disabled = false } = webhook;
  const act = async () => {
    await call('WebhookService.updateWebhook', {
      webhook: { name, etag, disabled: !disabled },
      updateMask: 'disabled',
    });
    onChanged();
  };
  const action = disabled ? 'Enable webhook' : 'Disable webhook';
  return (
    <ConfirmDialog title={`${action}?`} action={action} act={act} onClose={onClose}>
      <p>
        {disabled
          ? 'Deliveries that wait are sent, and have 24 hours again.'
          : 'It gets no events. Events of this time are lost. Deliveries that wait stay.'}
      </p>
    </ConfirmDialog>
  );
}

/** Deletes a webhook. */
export function DeleteWebhookDialog({ webhook: { name = '' }, onClose }: Omit<Props, 'onChanged'>) {
  const { route } = useLocation();
  const remove = async () => {
    await call('WebhookService.deleteWebhook', { name });
    route('/console/webhooks');
  };
  return (
    <ConfirmDialog title="Delete webhook?" action="Delete webhook" act={remove} onClose={onClose}>
      <p>Its deliveries are deleted as well. This cannot be undone.</p>
    </ConfirmDialog>
  );
}
