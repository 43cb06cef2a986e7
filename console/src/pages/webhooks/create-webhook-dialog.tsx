import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { readLines } from '../../format/lines.ts';
import { SecretFormDialog } from '../../ui/dialogs/secret-form-dialog.tsx';
import { WebhookFields } from './webhook-fields.tsx';

interface Props {
  /** Called once the webhook exists, while the dialog still shows its secret. */
  readonly onCreated: () => void;
  readonly onClose: () => void;
}

/** Creates a webhook and shows the secret that verifies its deliveries, once. */
export function CreateWebhookDialog({ onCreated, onClose }: Props) {
  const [form, setForm] = useState({ displayName: '', url: '', eventTypes: '' });
  const create = async () => {
    const webhook = { ...form, eventTypes: readLines(form.eventTypes) };
    const { secret } = await call('WebhookService.createWebhook', { webhook });
    onCreated();
    return secret;
  };
  return (
    <SecretFormDialog
      title="Create a webhook"
      action="Create webhook"
      act={create}
      onClose={onClose}
      secretLabel="Secret that verifies deliveries"
      ifLost="If it is lost, rotate the secret."
    >
      {(error) => <WebhookFields form={form} onForm={setForm} error={error} />}
    </SecretFormDialog>
  );
}
