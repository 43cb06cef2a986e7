import { Field } from '../../ui/forms/field.tsx';
import { TextAreaField } from '../../ui/forms/text-area-field.tsx';
import type { IssuerFieldsProps } from './issuer-fields-props.ts';

/** The claims that Weir reads. */
export function ClaimFields({ form, onForm, error }: IssuerFieldsProps) {
  const bind = (name: keyof typeof NAMES) => ({
    value: form.claims[name],
    onValue: (value: string) => onForm({ ...form, claims: { ...form.claims, [name]: value } }),
    error,
    field: `issuer.claims.${NAMES[name]}`,
  });
  return (
    <fieldset>
      <legend>Claims</legend>
      <div class="field-grid">
        <Field label="Account" placeholder="sub" {...bind('account')} />
        <Field label="Plan" placeholder="plan" {...bind('plan')} />
        <Field label="Features" placeholder="scope" {...bind('features')} />
        <Field label="Role" placeholder="realm_access.roles" {...bind('role')} />
      </div>
      <TextAreaField label="Roles of administrators" hint="One per line." {...bind('adminRoles')} />
    </fieldset>
  );
}

/** Names of the fields in errors, which are those of the proto. */
const NAMES = {
  account: 'account',
  plan: 'plan',
  features: 'features',
  role: 'role',
  adminRoles: 'admin_roles',
} as const;
