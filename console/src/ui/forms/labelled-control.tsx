import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { ApiError } from '../../api/api-error.ts';
import { findFault, isFaultOf } from './find-fault.ts';
import { useShownFaults } from './form-fields.tsx';

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
  const hasFault = fault !== undefined;
  const container = useRef<HTMLDivElement>(null);
  useShownFaults(field, isFaultOf);
  useEffect(() => {
    if (hasFault) openDetails(container.current);
  }, [hasFault, error]);
  return (
    <div class="field" ref={container}>
      <label for={id}>{label}</label>
      {children({ id, 'aria-invalid': hasFault, 'aria-describedby': `${id}-hint` })}
      <p id={`${id}-hint`} class={hasFault ? 'hint hint-error' : 'hint'}>
        {fault ?? hint}
      </p>
    </div>
  );
}

/** Opens each closed part of the page around an element, which would hide its fault. */
function openDetails(element: Element | null | undefined): void {
  const details = element?.closest('details');
  if (details == null) return;
  details.open = true;
  openDetails(details.parentElement);
}
