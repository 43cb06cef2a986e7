import { CheckboxField } from '../forms/checkbox-field.tsx';
import { Field } from '../forms/field.tsx';
import { SelectField } from '../forms/select-field.tsx';
import { TextAreaField } from '../forms/text-area-field.tsx';
import type { LimitFieldsProps } from './limit-fields-props.ts';

const STORE_FAILURES = [
  ['', 'local (default)'],
  ['local', "local: the node's share of what is left"],
  ['allow', 'allow: grant now, count later'],
  ['allow_uncounted', 'allow uncounted: grant, never count'],
  ['deny', 'deny'],
] as const;
const OPTIONS = [
  ['lease', 'Lease', 'Nodes take slices in advance and decide on their own.'],
  ['settle', 'Settle', 'Receipts carry the charge, to settle it for the actual cost.'],
  ['chargeRejected', 'Charge rejected requests', 'What does not fit becomes debt.'],
] as const;

/** The fields of a limit that few limits need. Opens by itself while one of them is in use. */
export function MoreLimitFields({ form, onForm, error, field }: LimitFieldsProps) {
  const { blockFor, routes, timeZone, anchorDay, notifyAt, metadataKey, onStoreFailure, algorithm } = form;
  const isUsed = [blockFor, routes, timeZone, notifyAt, metadataKey].some((value) => value !== '');
  const bind = (name: keyof typeof NAMES) => ({
    value: form[name],
    onValue: (value: string) => onForm({ ...form, [name]: value }),
    error,
    field: `${field}.${NAMES[name]}`,
  });
  return (
    <details open={isUsed}>
      <summary>More fields of this limit</summary>
      <div class="field-grid">
        <Field label="Block for" placeholder="5m" hint="after the first rejection" {...bind('blockFor')} />
        {(algorithm === 'calendar' || algorithm === '' || timeZone !== '' || anchorDay !== '') && (
          <>
            <Field label="Time zone" placeholder="UTC" {...bind('timeZone')} />
            <Field label="Month starts on day" type="number" min={1} max={31} {...bind('anchorDay')} />
          </>
        )}
        <Field label="Events at" placeholder="80, 100" hint="shares in percent" {...bind('notifyAt')} />
        <Field label="Metadata key" {...bind('metadataKey')} />
        <SelectField
          label="Without counters"
          value={onStoreFailure}
          onValue={(value) => onForm({ ...form, onStoreFailure: value })}
          options={STORE_FAILURES}
          error={error}
          field={`${field}.on_store_failure`}
        />
      </div>
      <TextAreaField label="Routes" hint="One per line. Empty: all requests." {...bind('routes')} />
      {OPTIONS.map(([name, label, hint]) => (
        <CheckboxField
          key={name}
          label={label}
          hint={hint}
          value={form[name]}
          onValue={(value) => onForm({ ...form, [name]: value })}
        />
      ))}
    </details>
  );
}

/** Names of the fields in errors, which are those of the proto. */
const NAMES = {
  blockFor: 'block_for',
  timeZone: 'time_zone',
  anchorDay: 'anchor_day',
  notifyAt: 'notify_at',
  metadataKey: 'metadata_key',
  routes: 'routes',
} as const;
