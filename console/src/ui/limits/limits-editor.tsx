import type { ApiError, FieldViolation } from '../../api/api-error.ts';
import { useShownFaults } from '../forms/form-fields.tsx';
import { LimitFields } from './limit-fields.tsx';
import { type LimitForm, toLimitForm } from './limit-form.ts';

interface Props {
  readonly limits: readonly LimitForm[];
  readonly onLimits: (limits: readonly LimitForm[]) => void;
  /** Whether the keys of an account can share a limit: only limits of plans. */
  readonly hasScope?: boolean;
  readonly error: ApiError | undefined;
  /** The name of the list in the request, such as `plan.limits`. */
  readonly field: string;
}

/** Limits of a plan, a key or a token, as forms. */
export function LimitsEditor({ limits, onLimits, hasScope = false, error, field }: Props) {
  const fault = error?.violations.find((violation) => isFaultOfList(field, violation));
  useShownFaults(field, isFaultOfList);
  return (
    <>
      {limits.map((form, index) => (
        // Limits have no identity until they have a name, which can change.
        <fieldset key={index}>
          <legend>Limit {index + 1}</legend>
          <LimitFields
            form={form}
            onForm={(changed) => onLimits(limits.with(index, changed))}
            hasScope={hasScope}
            error={error}
            field={`${field}[${index}]`}
          />
          <button type="button" onClick={() => onLimits(limits.toSpliced(index, 1))}>
            Remove limit {index + 1}
          </button>
        </fieldset>
      ))}
      {fault !== undefined && <p class="hint hint-error">{fault.description}</p>}
      <p>
        <button type="button" onClick={() => onLimits([...limits, toLimitForm({})])}>
          Add a limit
        </button>
      </p>
    </>
  );
}

/** Whether a fault is that of the list as a whole, and of no limit in it. */
function isFaultOfList(list: string, { field }: FieldViolation): boolean {
  return field === list;
}
