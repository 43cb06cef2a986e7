import { Dialog } from './dialog.tsx';
import { DialogForm, type DialogFormProps } from './dialog-form.tsx';

interface Props extends Omit<DialogFormProps, 'onDone'> {
  readonly title: string;
  readonly onClose: () => void;
}

/** A form in a dialog. Closes once its call has succeeded. */
export function FormDialog({ title, onClose, ...form }: Props) {
  return (
    <Dialog title={title} onClose={onClose}>
      <DialogForm {...form} onDone={onClose} />
    </Dialog>
  );
}
