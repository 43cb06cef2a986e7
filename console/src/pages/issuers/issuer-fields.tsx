import { Field } from '../../ui/forms/field.tsx';
import { PlanField } from '../../ui/forms/plan-field.tsx';
import { TextAreaField } from '../../ui/forms/text-area-field.tsx';
import type { IssuerFieldsProps } from './issuer-fields-props.ts';
import { KeySourceFields } from './key-source-fields.tsx';
import { MoreIssuerFields } from './more-issuer-fields.tsx';

/** The fields of an issuer. */
export function IssuerFields({ form, onForm, error }: IssuerFieldsProps) {
  const bind = (name: 'audiences' | 'algorithms' | 'displayName' | 'issuer') => ({
    value: form[name],
    onValue: (value: string) => onForm({ ...form, [name]: value }),
    error,
    field: `issuer.${name === 'displayName' ? 'display_name' : name}`,
  });
  return (
    <>
      <Field label="Name" maxLength={200} {...bind('displayName')} />
      <Field
        label="Issuer"
        required
        placeholder="https://login.example.com"
        hint="The claim iss of its tokens, compared exactly."
        {...bind('issuer')}
      />
      <TextAreaField label="Audiences" required hint="One per line." {...bind('audiences')} />
      <TextAreaField
        label="Signature algorithms"
        required
        hint="One per line: EdDSA, ES256, RS256, PS256 …"
        {...bind('algorithms')}
      />
      <KeySourceFields form={form} onForm={onForm} error={error} />
      <PlanField
        label="Default plan"
        value={form.defaultPlan}
        onValue={(defaultPlan) => onForm({ ...form, defaultPlan })}
        emptyText="none: tokens without a plan are denied"
        error={error}
        field="issuer.default_plan"
      />
      <MoreIssuerFields form={form} onForm={onForm} error={error} />
    </>
  );
}
