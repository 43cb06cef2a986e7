import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import type { AccountJson } from '../../generated/weir/admin/v1/account_pb.js';
import { CallForm } from '../../ui/forms/call-form.tsx';
import { Field } from '../../ui/forms/field.tsx';

interface Props {
  readonly account: AccountJson;
  readonly onChange: () => void;
}

/** Changes the name and the e-mail address of the holder's own account. */
export function ProfileForm({ account, onChange }: Props) {
  const [displayName, setDisplayName] = useState(account.displayName ?? '');
  const [email, setEmail] = useState(account.email ?? '');
  const [currentPassword, setCurrentPassword] = useState('');
  const hasNewAddress = email !== (account.email ?? '');
  const save = async () => {
    // An address that stays the same is left out: it would replace one that waits for its verification.
    const saved = await call('AuthService.updateProfile', {
      account: { displayName, etag: account.etag ?? '', ...(hasNewAddress && { email }) },
      updateMask: hasNewAddress ? 'displayName,email' : 'displayName',
      ...(hasNewAddress && { currentPassword }),
    });
    setEmail(saved.email ?? '');
    setCurrentPassword('');
    onChange();
  };
  return (
    <CallForm action="Save" act={save} done="Saved.">
      {(error) => (
        <>
          <Field
            label="Name"
            value={displayName}
            onValue={setDisplayName}
            autocomplete="name"
            error={error}
            field="account.display_name"
          />
          <Field
            label="E-mail address"
            type="email"
            value={email}
            onValue={setEmail}
            hint="A new address may have to be verified before it replaces the present one."
            autocomplete="email"
            error={error}
            field="account.email"
          />
          {hasNewAddress && (
            <Field
              label="Current password"
              type="password"
              value={currentPassword}
              onValue={setCurrentPassword}
              hint="A new address needs it"
              autocomplete="current-password"
              required
              error={error}
              field="current_password"
            />
          )}
        </>
      )}
    </CallForm>
  );
}
