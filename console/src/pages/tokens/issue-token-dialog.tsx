import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { readLines } from '../../format/lines.ts';
import { SecretFormDialog } from '../../ui/dialogs/secret-form-dialog.tsx';
import { Field } from '../../ui/forms/field.tsx';
import { PlanField } from '../../ui/forms/plan-field.tsx';
import { SelectField } from '../../ui/forms/select-field.tsx';
import { TextAreaField } from '../../ui/forms/text-area-field.tsx';
import type { LimitForm } from '../../ui/limits/limit-form.ts';
import { toLimit } from '../../ui/limits/limit-form.ts';
import { LimitsEditor } from '../../ui/limits/limits-editor.tsx';

interface Props {
  /** Called once the token exists, while the dialog still shows it. */
  readonly onIssued: () => void;
  readonly onClose: () => void;
}

const ROLES = [
  ['', 'none: for Check alone'],
  ['admin', 'admin: the admin API accepts it'],
] as const;
const NEW_TOKEN = { account: '', plan: '', ttl: '24h', role: '', features: '', limits: [] as readonly LimitForm[] };

/** Issues a stateless token and shows it, once. */
export function IssueTokenDialog({ onIssued, onClose }: Props) {
  const [form, setForm] = useState(NEW_TOKEN);
  const bind = (name: 'account' | 'features' | 'plan' | 'role' | 'ttl') => ({
    value: form[name],
    onValue: (value: string) => setForm({ ...form, [name]: value }),
    field: name,
  });
  const issue = async () => {
    const { limits, features, ...same } = form;
    const request = { ...same, features: readLines(features), limits: limits.map(toLimit) };
    const { token } = await call('TokenService.issueToken', request);
    onIssued();
    return token;
  };
  return (
    <SecretFormDialog
      title="Issue a token"
      action="Issue token"
      act={issue}
      onClose={onClose}
      secretLabel="Token"
      ifLost="If it is lost, revoke it and issue another one."
    >
      {(error) => (
        <>
          <Field label="Account" required hint="Need not be in the catalog." error={error} {...bind('account')} />
          <PlanField emptyText="none, or that of the account" error={error} {...bind('plan')} />
          <Field label="Lifetime" required hint="Such as 15m, 24h or 30d." error={error} {...bind('ttl')} />
          <SelectField label="Role" options={ROLES} error={error} {...bind('role')} />
          <TextAreaField label="Features" hint="One per line." error={error} {...bind('features')} />
          <LimitsEditor
            limits={form.limits}
            onLimits={(limits) => setForm({ ...form, limits })}
            error={error}
            field="limits"
          />
        </>
      )}
    </SecretFormDialog>
  );
}
