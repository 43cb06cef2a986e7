import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import type { AccountJson } from '../../generated/weir/admin/v1/account_pb.js';
import { FormDialog } from '../../ui/dialogs/form-dialog.tsx';
import { Field } from '../../ui/forms/field.tsx';
import { PlanField } from '../../ui/forms/plan-field.tsx';
import { SelectField } from '../../ui/forms/select-field.tsx';
import { ROLES, type Role } from '../account-parts/roles.ts';

const NEW_ACCOUNT = { accountId: '', email: '', displayName: '', password: '', plan: 'plans/free' };

interface Props {
  readonly onClose: () => void;
  readonly onCreated: (account: AccountJson) => void;
}

/** Creates an account. */
export function CreateAccountDialog({ onClose, onCreated }: Props) {
  const [values, setValues] = useState(NEW_ACCOUNT);
  const [role, setRole] = useState<Role>('user');
  const bind = (name: keyof typeof NEW_ACCOUNT) => ({
    value: values[name],
    onValue: (value: string) => setValues((last) => ({ ...last, [name]: value })),
  });
  const create = async () => {
    const { accountId, password, ...account } = values;
    onCreated(await call('AccountService.createAccount', { accountId, password, account: { ...account, role } }));
  };
  return (
    <FormDialog title="Create account" action="Create account" act={create} onClose={onClose}>
      {(error) => (
        <>
          <Field
            label="Account id"
            {...bind('accountId')}
            hint="Such as acme: a-z, 0-9 and -. Empty: Weir generates one. It cannot be changed later."
            autocomplete="off"
            error={error}
            field="account_id"
          />
          <Field label="Name" {...bind('displayName')} autocomplete="off" error={error} field="account.display_name" />
          <Field
            label="E-mail address"
            type="email"
            {...bind('email')}
            hint="Empty: nobody signs in with a password."
            autocomplete="off"
            error={error}
            field="account.email"
          />
          <Field
            label="Password"
            type="password"
            {...bind('password')}
            hint="At least 8 characters. Empty: the holder has no password."
            autocomplete="new-password"
            error={error}
            field="password"
          />
          <PlanField {...bind('plan')} error={error} field="account.plan" />
          <SelectField label="Role" value={role} onValue={setRole} options={ROLES} error={error} field="account.role" />
        </>
      )}
    </FormDialog>
  );
}
