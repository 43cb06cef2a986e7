import type { ApiError, FieldViolation } from '../api/api-error.ts';

interface Props {
  readonly error: ApiError | undefined;
  /** Whether a field already shows a fault. Left out: no field does. */
  readonly isShownAtField?: (fault: FieldViolation) => boolean;
}

/** Why a call failed, with the faults that no field shows. Nothing without an error. */
export function ErrorMessage({ error, isShownAtField = () => false }: Props) {
  if (error === undefined) return null;
  const { message, violations, retryAfterSeconds } = error;
  const others = violations.filter((fault) => !isShownAtField(fault));
  const hasMarkedFields = others.length < violations.length;
  const isList = hasMarkedFields ? others.length > 0 : others.length > 1;
  return (
    <div class="message message-error" role="alert">
      <p>{hasMarkedFields ? 'The marked fields have faults.' : isList ? `${others.length} faults:` : message}</p>
      {isList && (
        <ul>
          {others.map(({ field, description }) => (
            <li key={`${field} ${description}`}>
              <code>{field}</code>: {description}
            </li>
          ))}
        </ul>
      )}
      {retryAfterSeconds !== undefined && <p>Try again in {retryAfterSeconds} s.</p>}
    </div>
  );
}
