import { useState } from 'preact/hooks';
import { signOut } from '../api/session.ts';
import { useAction } from '../api/use-action.ts';
import { chooseTheme, readTheme, THEMES, type Theme } from '../theme.ts';
import { ErrorMessage } from '../ui/error-message.tsx';
import { useViewer } from './viewer.ts';

/** Who is signed in, with a link to their profile, the theme, and the way out. */
export function Banner({ onSignOut }: { readonly onSignOut: () => void }) {
  const { displayName, email, name } = useViewer();
  const { run, isRunning, error } = useAction(signOut);
  const leave = async (allSessions: boolean) => {
    if (await run({ allSessions })) onSignOut();
  };
  return (
    <header class="banner">
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <a class="brand" href="/console/">
        Weir
      </a>
      <div class="banner-end">
        <a href="/console/profile">{displayName || email || name}</a>
        <ThemeSelect />
        <button type="button" disabled={isRunning} onClick={() => void leave(false)}>
          Sign out
        </button>
        <button type="button" disabled={isRunning} onClick={() => void leave(true)}>
          Sign out everywhere
        </button>
      </div>
      <ErrorMessage error={error} />
    </header>
  );
}

function ThemeSelect() {
  const [theme, setTheme] = useState(readTheme);
  const choose = (chosen: Theme) => {
    setTheme(chosen);
    chooseTheme(chosen);
  };
  return (
    <select
      class="theme"
      aria-label="Theme"
      value={theme}
      onChange={({ currentTarget }) => choose(currentTarget.value as Theme)} // its options are THEMES
    >
      {THEMES.map((option) => (
        <option key={option} value={option}>
          {option}
        </option>
      ))}
    </select>
  );
}
