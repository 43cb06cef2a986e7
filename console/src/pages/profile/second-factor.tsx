import type { ComponentProps } from 'preact';
import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import type { EnrollTotpResponseJson } from '../../generated/weir/admin/v1/auth_service_pb.js';
import { CopyButton } from '../../ui/copy-button.tsx';
import { CallForm } from '../../ui/forms/call-form.tsx';
import { Field } from '../../ui/forms/field.tsx';

interface Props {
  readonly isOn: boolean;
  readonly onChange: () => void;
}

/** Turns the second factor of the holder's own account on and off. */
export function SecondFactor({ isOn, onChange }: Props) {
  const [enrolled, setEnrolled] = useState<EnrollTotpResponseJson>();
  const finish = () => {
    setEnrolled(undefined);
    onChange();
  };
  if (isOn) return <DisableForm onDisabled={onChange} />;
  if (enrolled === undefined) return <EnrollForm onEnrolled={setEnrolled} />;
  return <ConfirmForm enrolled={enrolled} onConfirmed={finish} />;
}

function EnrollForm({ onEnrolled }: { readonly onEnrolled: (enrolled: EnrollTotpResponseJson) => void }) {
  const [password, setPassword] = useState('');
  const enroll = async () => onEnrolled(await call('AuthService.enrollTotp', { password }));
  return (
    <CallForm action="Set up an authenticator app" act={enroll} done="">
      {(error) => (
        <>
          <p>It is off. With it, signing in also takes a code of an authenticator app.</p>
          <PasswordField value={password} onValue={setPassword} error={error} />
        </>
      )}
    </CallForm>
  );
}

interface ConfirmProps {
  readonly enrolled: EnrollTotpResponseJson;
  readonly onConfirmed: () => void;
}

function ConfirmForm({ enrolled: { secret = '', otpauthUri = '' }, onConfirmed }: ConfirmProps) {
  const [code, setCode] = useState('');
  const confirm = async () => {
    await call('AuthService.confirmTotp', { code });
    onConfirmed();
  };
  return (
    <CallForm action="Turn it on" act={confirm} done="">
      {(error) => (
        <>
          <p>Add this to your authenticator app. It is shown only now.</p>
          <ShownSecret label="Secret" text={secret} />
          <ShownSecret label="The same as a link for apps" text={otpauthUri} />
          <CodeField hint="6 digits" value={code} onValue={setCode} error={error} />
        </>
      )}
    </CallForm>
  );
}

type ValueProps = Pick<ComponentProps<typeof Field>, 'value' | 'onValue' | 'error'>;

function PasswordField(props: ValueProps) {
  return (
    <Field label="Password" type="password" autocomplete="current-password" required field="password" {...props} />
  );
}

function CodeField(props: ValueProps & { readonly hint: string }) {
  return (
    <Field label="Code of the app" inputMode="numeric" autocomplete="one-time-code" required field="code" {...props} />
  );
}

function ShownSecret({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <dl class="field">
      <dt>{label}</dt>
      <dd>
        <code class="secret">{text}</code>
        <CopyButton text={text} label={`Copy ${label === 'Secret' ? 'the secret' : 'the link'}`} />
      </dd>
    </dl>
  );
}

function DisableForm({ onDisabled }: { readonly onDisabled: () => void }) {
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const disable = async () => {
    await call('AuthService.disableTotp', { password, code });
    onDisabled();
  };
  return (
    <CallForm action="Turn it off" act={disable} done="">
      {(error) => (
        <>
          <p>It is on. Signing in takes a code of your authenticator app.</p>
          <PasswordField value={password} onValue={setPassword} error={error} />
          <CodeField hint="6 digits, not used before" value={code} onValue={setCode} error={error} />
        </>
      )}
    </CallForm>
  );
}
