import { useReloadViewer, useViewer } from '../../shell/viewer.ts';
import { DetailsList } from '../../ui/details-list.tsx';
import { Page } from '../../ui/page.tsx';
import { Time } from '../../ui/time.tsx';
import { PasswordForm } from './password-form.tsx';
import { ProfileForm } from './profile-form.tsx';
import { SecondFactor } from './second-factor.tsx';
import './profile.css';

/** The holder's own account: name, e-mail address, password and second factor. */
export function ProfilePage() {
  const account = useViewer();
  const reload = useReloadViewer();
  const { name, email, pendingEmail, emailVerified, totpEnabled = false } = account;
  return (
    <Page title="Profile">
      <DetailsList
        entries={[
          ['Account', <code key="name">{name}</code>],
          ['Address verified', emailVerified ? 'yes' : 'no'],
          ...(pendingEmail === undefined ? [] : [['Address to be verified', pendingEmail] as const]),
          ['Last sign-in', <Time key="sign-in" at={account.lastSignInTime} />],
          ['Created', <Time key="created" at={account.createTime} />],
        ]}
      />
      <h2>Name and address</h2>
      <ProfileForm account={account} onChange={reload} />
      <h2>Password</h2>
      {email === undefined ? (
        <p>An account without an e-mail address has no password.</p>
      ) : (
        <PasswordForm email={email} />
      )}
      <h2>Second factor</h2>
      <SecondFactor isOn={totpEnabled} onChange={reload} />
    </Page>
  );
}
