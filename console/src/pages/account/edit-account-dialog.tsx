import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import type { AccountJson } from '../../generated/weir/admin/v1/account_pb.js';
import { FormDialog } from '../../ui/dialogs/form-dialog.tsx';
import { Field } from '../../ui/forms/field.tsx';
import { SelectField } from '../../ui/forms/select-field.tsx';
import { ROLES, type Role } from '../account-parts/roles.ts';

interface Props {
  readonly account: AccountJson;
  readonly onChange: () => void;
  readonly onClose: () => void;
}

/** Changes the name, e-mail address and role of an account. */
export function EditAccountDialog({ account, onChange, onClose }: Props) {
  const { name = '', etag = '' } = account;
  const [displayName, setDisplayName] = useState(account.displayName ?? '');
  const [email, setEmail] = useState(account.email ?? '');
  const [role, setRole] = useState<Role>(account.role === 'admin' ? 'admin' : 'user');
  const save = async () => {
    await call('AccountService.updateAccount', {
      account: { name, etag, displayName, email, role },
      updateMask: 'displayName,email,role',
    });
    onChange();
  };
  return (
    <FormDialog title={`Edit ${name}`} action="Save" act={save} onClose={onClose}>
      {(error) => (
        <>
          <Field
            label="Name"
            value={displayName}
            onValue={setDisplayName}
            autocomplete="off"
            error={error}
            field="account.display_name"
          />
          <Field
            label="E-mail address"
            type="email"
            value={email}
            onValue={setEmail}
            hint="A new address is not verified. Without an address, the account loses its password as well."
            autocomplete="off"
            error={error}
            field="account.email"
          />
          <SelectField label="Role" value={role} onValue={setRole} options={ROLES} error={error} field="account.role" />
        </>
      )}
    </FormDialog>
  );
}
