interface Props<Dialog extends string> {
  /** The dialogs of a page, and the texts of their buttons. */
  readonly buttons: readonly (readonly [dialog: Dialog, text: string])[];
  readonly onOpen: (dialog: Dialog) => void;
}

/** Buttons that open the dialogs of a page. The one of `delete` looks dangerous. */
export function DialogButtons<Dialog extends string>({ buttons, onOpen }: Props<Dialog>) {
  return (
    <>
      {buttons.map(([dialog, text]) => (
        <button
          key={dialog}
          type="button"
          class={dialog === 'delete' ? 'danger' : undefined}
          onClick={() => onOpen(dialog)}
        >
          {text}
        </button>
      ))}
    </>
  );
}
