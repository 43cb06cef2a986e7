import { LabelledControl, type LabelledProps } from './labelled-control.tsx';

interface Props<V extends string> extends LabelledProps {
  readonly value: V;
  readonly onValue: (value: V) => void;
  /** Values and what people read. */
  readonly options: readonly (readonly [value: V, text: string])[];
}

/** A labelled choice of one value. */
export function SelectField<V extends string>({ value, onValue, options, ...labelled }: Props<V>) {
  const choose = (chosen: string) => {
    const option = options.find(([known]) => known === chosen);
    if (option !== undefined) onValue(option[0]);
  };
  return (
    <LabelledControl {...labelled}>
      {(attributes) => (
        <select {...attributes} value={value} onChange={({ currentTarget }) => choose(currentTarget.value)}>
          {options.map(([option, text]) => (
            <option key={option} value={option}>
              {text}
            </option>
          ))}
        </select>
      )}
    </LabelledControl>
  );
}
