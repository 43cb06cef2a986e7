import { useState } from 'preact/hooks';
import { SecretOnce } from '../forms/secret-once.tsx';
import { Dialog } from './dialog.tsx';
import { DialogForm, type DialogFormProps } from './dialog-form.tsx';

interface Props extends Omit<DialogFormProps, 'act' | 'onDone'> {
  readonly title: string;
  /** Resolves to the secret. */
  readonly act: () => Promise<string | undefined>;
  readonly onClose: () => void;
  /** What the secret is, such as `Secret of the key`. */
  readonly secretLabel: string;
  /** What to do if the secret is lost. */
  readonly ifLost: string;
}

/** A form in a dialog whose call returns a secret. Then the same dialog shows the secret, until it is closed. */
export function SecretFormDialog({ title, act, onClose, secretLabel, ifLost, ...form }: Props) {
  const [secret, setSecret] = useState<string>();
  return (
    <Dialog title={title} onClose={onClose}>
      {secret === undefined ? (
        <DialogForm {...form} act={async () => setSecret((await act()) ?? '')} />
      ) : (
        <SecretOnce label={secretLabel} secret={secret} ifLost={ifLost} />
      )}
    </Dialog>
  );
}
