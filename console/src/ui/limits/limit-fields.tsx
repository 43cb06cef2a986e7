import { Field } from '../forms/field.tsx';
import { SelectField } from '../forms/select-field.tsx';
import type { LimitFieldsProps } from './limit-fields-props.ts';
import { MoreLimitFields } from './more-limit-fields.tsx';

const ALGORITHMS = [
  ['', 'chosen by the window'],
  ['sliding_window', 'sliding window'],
  ['fixed_window', 'fixed window'],
  ['token_bucket', 'token bucket'],
  ['calendar', 'calendar'],
  ['concurrency', 'concurrency'],
  ['credits', 'credits'],
  ['unlimited', 'unlimited'],
] as const;
const WITHOUT_WINDOW: ReadonlySet<string> = new Set(['credits', 'unlimited']);

/** The fields of one limit. Fields that do not apply to its algorithm are left out. */
export function LimitFields(props: LimitFieldsProps) {
  const { form, onForm, hasScope, error, field } = props;
  const { algorithm } = form;
  const bind = (name: 'name' | 'requests' | 'window' | 'burst') => ({
    value: form[name],
    onValue: (value: string) => onForm({ ...form, [name]: value }),
    error,
    field: `${field}.${name}`,
  });
  return (
    <>
      <div class="field-grid">
        <Field label="Limit name" required placeholder="minute" {...bind('name')} />
        <SelectField
          label="Algorithm"
          value={algorithm}
          onValue={(value) => onForm({ ...form, algorithm: value })}
          options={ALGORITHMS}
          error={error}
          field={`${field}.algorithm`}
        />
        {algorithm !== 'unlimited' && <Field label="Requests" type="number" min={0} {...bind('requests')} />}
        {!WITHOUT_WINDOW.has(algorithm) && (
          <Field label="Window" placeholder="60s" hint="30s, 5m, 1h, 1d, 1w, 1mo or 1y" {...bind('window')} />
        )}
        {algorithm === 'token_bucket' && <Field label="Burst" type="number" min={1} {...bind('burst')} />}
        {hasScope && (
          <SelectField
            label="Shared by"
            value={form.per === 'account' ? 'account' : ''}
            onValue={(per) => onForm({ ...form, per })}
            options={[
              ['', 'nobody: each key has it'],
              ['account', 'all keys of an account'],
            ]}
            error={error}
            field={`${field}.per`}
          />
        )}
      </div>
      {algorithm !== 'unlimited' && <MoreLimitFields {...props} />}
    </>
  );
}
