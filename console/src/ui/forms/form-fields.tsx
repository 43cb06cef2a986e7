import { type ComponentChildren, createContext } from 'preact';
import { useContext, useLayoutEffect, useState } from 'preact/hooks';
import type { ApiError, FieldViolation } from '../../api/api-error.ts';
import { ErrorMessage } from '../error-message.tsx';

type IsFaultOf = (field: string, fault: FieldViolation) => boolean;
type ShowsFault = (fault: FieldViolation) => boolean;

/** What the fields of the form show; undefined: there is no form around the field. */
const ShownFaults = createContext<Set<ShowsFault> | undefined>(undefined);

interface Props {
  /** Why the last call of the form failed; undefined: it did not. */
  readonly error: ApiError | undefined;
  readonly children: ComponentChildren;
}

/** The fields of a form, and below them why its call failed, without the faults that a field shows. */
export function FormFields({ error, children }: Props) {
  const [shown] = useState(() => new Set<ShowsFault>());
  return (
    <ShownFaults.Provider value={shown}>
      {children}
      <ErrorMessage error={error} isShownAtField={(fault) => [...shown].some((shows) => shows(fault))} />
    </ShownFaults.Provider>
  );
}

/** Says that a field shows its faults, for as long as it is rendered. An empty field has none. */
export function useShownFaults(field: string, isFaultOf: IsFaultOf): void {
  const shown = useContext(ShownFaults);
  useLayoutEffect(() => {
    if (shown === undefined || field === '') return undefined;
    const shows: ShowsFault = (fault) => isFaultOf(field, fault);
    shown.add(shows);
    return () => void shown.delete(shows);
  }, [shown, field, isFaultOf]);
}
