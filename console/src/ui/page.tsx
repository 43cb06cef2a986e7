import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import type { ApiError } from '../api/api-error.ts';
import { ErrorMessage } from './error-message.tsx';
import { Progress } from './progress.tsx';

interface Props {
  readonly title: string;
  /** Buttons and links beside the title. */
  readonly actions?: ComponentChildren;
  readonly error?: ApiError | undefined;
  readonly isLoading?: boolean;
  readonly children: ComponentChildren;
}

/** A page of the console: its title, also in the browser's tab, its actions, its progress and its error. */
export function Page({ title, actions, error, isLoading = false, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Weir`;
  }, [title]);
  return (
    <>
      <Progress isLoading={isLoading} />
      <header class="page-header">
        <h1>{title}</h1>
        {actions !== undefined && <div class="actions">{actions}</div>}
      </header>
      <ErrorMessage error={error} />
      {children}
    </>
  );
}
