import type { ComponentChildren } from 'preact';
import type { ApiError } from '../../api/api-error.ts';
import { useAction } from '../../api/use-action.ts';
import { FormFields } from '../forms/form-fields.tsx';

export interface DialogFormProps {
  /** What the button says, such as `Create account`. */
  readonly action: string;
  readonly act: () => Promise<unknown>;
  /** Called once the call has succeeded. */
  readonly onDone?: () => void;
  /** The fields. They get the error of the last call, to show the faults of their values. */
  readonly children: (error: ApiError | undefined) => ComponentChildren;
}

/** A form within a dialog, with the button that makes its call. */
export function DialogForm({ action, act, onDone, children }: DialogFormProps) {
  const { run, isRunning, error } = useAction(act);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (await run()) onDone?.();
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <FormFields error={error}>{children(error)}</FormFields>
      <p class="actions">
        <button type="submit" class="primary" disabled={isRunning}>
          {action}
        </button>
      </p>
    </form>
  );
}
