import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { ApiError } from '../../api/api-error.ts';
import { findFault } from './find-fault.ts';

/** What is around an input. */
export interface LabelledProps {
  readonly label: string;
  /** What to type or choose, below the input. */
  readonly hint?: ComponentChildren;
  /** The error of the call that sends the value, and the name of the value's field in it. */
  readonly error?: ApiError | undefined;
  readonly field?: string;
}

/** Attributes that connect an input with its label and its hint. */
export interface ControlAttributes {
  readonly id: string;
  readonly 'aria-invalid': boolean;
  readonly 'aria-describedby': string;
}

interface Props extends LabelledProps {
  readonly children: (attributes: ControlAttributes) => ComponentChildren;
}

/** A label, an input, and its hint or the fault that Weir found in its value. */
export function LabelledControl({ label, hint, error, field = '', children }: Props) {
  const id = useId();
  const fault = findFault(error, field);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, 'aria-invalid': fault !== undefined, 'aria-describedby': `${id}-hint` })}
      <p id={`${id}-hint`} class={fault === undefined ? 'hint' : 'hint hint-error'}>
        {fault ?? hint}
      </p>
    </div>
  );
}
