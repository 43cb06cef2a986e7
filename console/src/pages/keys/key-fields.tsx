import type { ApiError } from '../../api/api-error.ts';
import { isAdministrator, useViewer } from '../../shell/viewer.ts';
import { Field } from '../../ui/forms/field.tsx';
import { PlanField } from '../../ui/forms/plan-field.tsx';
import { TextAreaField } from '../../ui/forms/text-area-field.tsx';
import { LimitsEditor } from '../../ui/limits/limits-editor.tsx';
import type { KeyForm } from './key-form.ts';

interface Props {
  readonly form: KeyForm;
  readonly onForm: (form: KeyForm) => void;
  readonly error: ApiError | undefined;
}

/** The fields of a key. Plan and features are for administrators only. */
export function KeyFields({ form, onForm, error }: Props) {
  const isAdmin = isAdministrator(useViewer());
  const change = (changes: Partial<KeyForm>) => onForm({ ...form, ...changes });
  return (
    <>
      <Field
        label="Name"
        maxLength={200}
        value={form.displayName}
        onValue={(displayName) => change({ displayName })}
        error={error}
        field="api_key.display_name"
      />
      {isAdmin && (
        <PlanField
          value={form.plan}
          onValue={(plan) => change({ plan })}
          emptyText="That of the account"
          error={error}
          field="api_key.plan"
        />
      )}
      <Field
        label="Expires"
        type="datetime-local"
        step={1}
        hint="In your time zone. Empty: never."
        value={form.expireTime}
        onValue={(expireTime) => change({ expireTime })}
        error={error}
        field="api_key.expire_time"
      />
      <TextAreaField
        label="Allowed networks"
        placeholder="192.0.2.0/24"
        hint="One per line. Empty: from everywhere."
        value={form.allowedNetworks}
        onValue={(allowedNetworks) => change({ allowedNetworks })}
        error={error}
        field="api_key.allowed_networks"
      />
      {isAdmin && (
        <TextAreaField
          label="Features"
          hint="One per line, in addition to those of the plan."
          value={form.features}
          onValue={(features) => change({ features })}
          error={error}
          field="api_key.features"
        />
      )}
      <KeyLimits form={form} onForm={onForm} error={error} />
    </>
  );
}

function KeyLimits({ form, onForm, error }: Props) {
  return (
    <details open={form.limits.length > 0}>
      <summary>Limits of this key, in addition to those of the plan</summary>
      <LimitsEditor
        limits={form.limits}
        onLimits={(limits) => onForm({ ...form, limits })}
        error={error}
        field="api_key.limits"
      />
    </details>
  );
}
