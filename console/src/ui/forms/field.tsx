import type { JSX } from 'preact';
import { LabelledControl, type LabelledProps } from './labelled-control.tsx';

type InputProps = Omit<JSX.InputHTMLAttributes<HTMLInputElement>, 'label' | 'onInput' | 'value' | 'id'>;

interface Props extends InputProps, LabelledProps {
  readonly value: string;
  readonly onValue: (value: string) => void;
}

/** A labelled text input, with the fault that Weir found in it. */
export function Field({ label, value, onValue, hint, error, field = '', ...input }: Props) {
  return (
    <LabelledControl label={label} hint={hint} error={error} field={field}>
      {(attributes) => (
        <input {...input} {...attributes} value={value} onInput={({ currentTarget }) => onValue(currentTarget.value)} />
      )}
    </LabelledControl>
  );
}
