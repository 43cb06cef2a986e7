import { useEffect, useState } from 'preact/hooks';
import { LocationProvider } from 'preact-iso';
import { readSignedIn } from './api/session.ts';
import { useAction } from './api/use-action.ts';
import { useCall } from './api/use-call.ts';
import { announceSessionChange, watchSession } from './api/watch-session.ts';
import { SignInPage } from './pages/sign-in-page.tsx';
import { Shell } from './shell/shell.tsx';
import { ErrorMessage } from './ui/error-message.tsx';
import { Progress } from './ui/progress.tsx';

/** The console: a sign-in page until somebody has signed in, then the pages of their role. */
export function App() {
  const [isSignedIn, setSignedIn] = useState<boolean>();
  const { run: start, isRunning, error } = useAction(async () => setSignedIn(await readSignedIn()));
  useEffect(() => {
    void start();
    return watchSession(() => setSignedIn(false));
  }, []);
  if (isSignedIn === undefined) {
    return (
      <main>
        <Progress isLoading={isRunning} />
        <ErrorMessage error={error} />
      </main>
    );
  }
  const onSignIn = () => {
    announceSessionChange();
    location.reload(); // so that nothing of the previous account stays
  };
  const onSignOut = () => {
    announceSessionChange();
    setSignedIn(false);
  };
  return isSignedIn ? <SignedInApp onSignOut={onSignOut} /> : <SignInPage onSignIn={onSignIn} />;
}

function SignedInApp({ onSignOut }: { readonly onSignOut: () => void }) {
  const { data: account, error, isLoading, reload } = useCall('AuthService.getProfile', {});
  if (account === undefined) {
    return (
      <main>
        <Progress isLoading={isLoading} />
        <ErrorMessage error={error} />
      </main>
    );
  }
  return (
    <LocationProvider scope="/console">
      <Shell account={account} reload={reload} onSignOut={onSignOut} />
    </LocationProvider>
  );
}
