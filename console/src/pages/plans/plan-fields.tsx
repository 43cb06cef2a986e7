import type { ApiError } from '../../api/api-error.ts';
import { Field } from '../../ui/forms/field.tsx';
import { TextAreaField } from '../../ui/forms/text-area-field.tsx';
import { LimitsEditor } from '../../ui/limits/limits-editor.tsx';
import type { PlanForm } from './plan-form.ts';

interface Props {
  readonly form: PlanForm;
  readonly onForm: (form: PlanForm) => void;
  readonly error: ApiError | undefined;
}

/** The fields of a plan. */
export function PlanFields({ form, onForm, error }: Props) {
  const bind = (name: 'displayName' | 'features' | 'maxApiKeys' | 'maxDevices', field: string) => ({
    value: form[name],
    onValue: (value: string) => onForm({ ...form, [name]: value }),
    error,
    field,
  });
  return (
    <>
      <Field label="Name" maxLength={200} {...bind('displayName', 'plan.display_name')} />
      <LimitsEditor
        limits={form.limits}
        onLimits={(limits) => onForm({ ...form, limits })}
        hasScope={true}
        error={error}
        field="plan.limits"
      />
      <TextAreaField
        label="Features"
        hint="One per line. Routes can require them."
        {...bind('features', 'plan.features')}
      />
      <div class="field-grid">
        <Field
          label="API keys of an account"
          type="number"
          min={0}
          hint="Empty: any number."
          {...bind('maxApiKeys', 'plan.max_api_keys')}
        />
        <Field
          label="Devices of an account"
          type="number"
          min={0}
          max={1000}
          hint="Empty: any number."
          {...bind('maxDevices', 'plan.max_devices')}
        />
      </div>
    </>
  );
}
