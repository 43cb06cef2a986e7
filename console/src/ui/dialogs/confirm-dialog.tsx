import type { ComponentChildren } from 'preact';
import { useAction } from '../../api/use-action.ts';
import { ErrorMessage } from '../error-message.tsx';
import { Dialog } from './dialog.tsx';

interface Props {
  readonly title: string;
  /** What the button says, such as `Delete key`. */
  readonly action: string;
  readonly act: () => Promise<unknown>;
  readonly onClose: () => void;
  /** What will happen. */
  readonly children: ComponentChildren;
}

/** Asks before a change that cannot be undone or that others notice. Closes once it has happened. */
export function ConfirmDialog({ title, action, act, onClose, children }: Props) {
  const { run, isRunning, error } = useAction(act);
  const confirm = async () => {
    if (await run()) onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      <ErrorMessage error={error} />
      <p class="actions">
        <button type="button" class="danger" disabled={isRunning} onClick={() => void confirm()}>
          {action}
        </button>
      </p>
    </Dialog>
  );
}
