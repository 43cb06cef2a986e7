import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { CallForm } from '../../ui/forms/call-form.tsx';
import { Field } from '../../ui/forms/field.tsx';

/** Changes the password of the holder's own account. */
export function PasswordForm({ email }: { readonly email: string }) {
  const [currentPassword, setCurrent] = useState('');
  const [newPassword, setNew] = useState('');
  const change = async () => {
    await call('AuthService.changePassword', { currentPassword, newPassword });
    setCurrent('');
    setNew('');
  };
  return (
    <CallForm
      action="Change password"
      act={change}
      done="The password has changed. All other sessions of the account have ended."
    >
      {(error) => (
        <>
          {/* Tells password managers whose password it is. */}
          <input type="text" autocomplete="username" value={email} readOnly hidden />
          <Field
            label="Current password"
            type="password"
            value={currentPassword}
            onValue={setCurrent}
            autocomplete="current-password"
            required
            error={error}
            field="current_password"
          />
          <Field
            label="New password"
            type="password"
            value={newPassword}
            onValue={setNew}
            hint="At least 8 characters, not the e-mail address, and not a common password"
            autocomplete="new-password"
            required
            error={error}
            field="new_password"
          />
        </>
      )}
    </CallForm>
  );
}
