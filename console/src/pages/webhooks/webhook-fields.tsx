import type { ApiError } from '../../api/api-error.ts';
import { Field } from '../../ui/forms/field.tsx';
import { TextAreaField } from '../../ui/forms/text-area-field.tsx';

/** A webhook as it is typed. The names are those of the webhook's fields. */
export interface WebhookForm {
  readonly displayName: string;
  readonly url: string;
  /** One per line. */
  readonly eventTypes: string;
}

interface Props {
  readonly form: WebhookForm;
  readonly onForm: (form: WebhookForm) => void;
  readonly error: ApiError | undefined;
}

/** The fields of a webhook. */
export function WebhookFields({ form, onForm, error }: Props) {
  const bind = (name: keyof WebhookForm, field: string) => ({
    value: form[name],
    onValue: (value: string) => onForm({ ...form, [name]: value }),
    error,
    field,
  });
  return (
    <>
      <Field label="Name" maxLength={200} {...bind('displayName', 'webhook.display_name')} />
      <Field
        label="URL"
        type="url"
        required
        placeholder="https://hooks.example.com/weir"
        {...bind('url', 'webhook.url')}
      />
      <TextAreaField
        label="Types of events"
        required
        rows={4}
        placeholder="key.*"
        hint="One per line, such as key.created, account.* or *. Name the types with a one-time token one by one."
        {...bind('eventTypes', 'webhook.event_types')}
      />
    </>
  );
}
