import type { JSX } from 'preact';
import { LabelledControl, type LabelledProps } from './labelled-control.tsx';

type TextAreaProps = Omit<JSX.TextareaHTMLAttributes<HTMLTextAreaElement>, 'label' | 'onInput' | 'value' | 'id'>;

interface Props extends TextAreaProps, LabelledProps {
  readonly value: string;
  readonly onValue: (value: string) => void;
}

/** A labelled input of several lines, such as a list with one value per line. */
export function TextAreaField({ label, value, onValue, hint, error, field = '', ...input }: Props) {
  return (
    <LabelledControl label={label} hint={hint} error={error} field={field}>
      {(attributes) => (
        <textarea
          rows={2}
          spellcheck={false}
          {...input}
          {...attributes}
          value={value}
          onInput={({ currentTarget }) => onValue(currentTarget.value)}
        />
      )}
    </LabelledControl>
  );
}
