import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { ApiError } from '../../api/api-error.ts';
import { useAction } from '../../api/use-action.ts';
import { FormFields } from './form-fields.tsx';

interface Props {
  /** What the button says, such as `Save`. */
  readonly action: string;
  readonly act: () => Promise<unknown>;
  /** What has happened, shown once the call has succeeded. */
  readonly done: string;
  /** The fields. They get the error of the last call, to show the faults of their values. */
  readonly children: (error: ApiError | undefined) => ComponentChildren;
}

/** A form within a page. Says so once its call has succeeded. */
export function CallForm({ action, act, done, children }: Props) {
  const { run, isRunning, error } = useAction(act);
  const [isDone, setDone] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setDone(false);
    if (await run()) setDone(true);
  };
  return (
    <form class="call-form" onSubmit={(event) => void submit(event)}>
      <FormFields error={error}>{children(error)}</FormFields>
      <p class="actions">
        <button type="submit" disabled={isRunning}>
          {action}
        </button>
        <span role="status">{isDone && done}</span>
      </p>
    </form>
  );
}
