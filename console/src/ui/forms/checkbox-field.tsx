import { useId } from 'preact/hooks';

interface Props {
  readonly label: string;
  readonly value: boolean;
  readonly onValue: (value: boolean) => void;
  /** What it means, below it. */
  readonly hint?: string;
}

/** A labelled choice of yes or no. */
export function CheckboxField({ label, value, onValue, hint }: Props) {
  const id = useId();
  return (
    <div class="field check">
      <label for={id}>
        <input
          type="checkbox"
          id={id}
          checked={value}
          onChange={({ currentTarget }) => onValue(currentTarget.checked)}
          aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        />
        {label}
      </label>
      {hint !== undefined && (
        <p id={`${id}-hint`} class="hint">
          {hint}
        </p>
      )}
    </div>
  );
}
