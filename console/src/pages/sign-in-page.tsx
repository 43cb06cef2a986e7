import { useState } from 'preact/hooks';
import { signIn } from '../api/session.ts';
import { useAction } from '../api/use-action.ts';
import { Field } from '../ui/forms/field.tsx';
import { FormFields } from '../ui/forms/form-fields.tsx';
import { Page } from '../ui/page.tsx';

/** Signs in with a password, and with a code where the account has a second factor. */
export function SignInPage({ onSignIn }: { readonly onSignIn: () => void }) {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [totpCode, setTotpCode] = useState('');
  const { run, isRunning, error } = useAction(signIn);
  const asksForCode = totpCode !== '' || error?.reason.startsWith('TOTP_') === true;
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (await run({ email, password, totpCode })) onSignIn();
  };
  return (
    <main class="sign-in">
      <Page title="Sign in to Weir">
        <form onSubmit={(event) => void submit(event)}>
          <FormFields error={error}>
            <Field
              label="E-mail address"
              type="email"
              autocomplete="username"
              required
              value={email}
              onValue={setEmail}
              error={error}
              field="email"
            />
            <Field
              label="Password"
              type="password"
              autocomplete="current-password"
              required
              value={password}
              onValue={setPassword}
              error={error}
              field="password"
            />
            {asksForCode && (
              <Field
                label="Code of your authenticator app"
                inputMode="numeric"
                autocomplete="one-time-code"
                value={totpCode}
                onValue={setTotpCode}
                error={error}
                field="totp_code"
              />
            )}
          </FormFields>
          <button type="submit" class="primary" disabled={isRunning}>
            Sign in
          </button>
        </form>
      </Page>
    </main>
  );
}
