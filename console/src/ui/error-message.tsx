import type { ApiError } from '../api/api-error.ts';

/** Why a call failed, with the faults of each field. Nothing without an error. */
export function ErrorMessage({ error }: { readonly error: ApiError | undefined }) {
  if (error === undefined) return null;
  const { message, violations, retryAfterSeconds } = error;
  return (
    <div class="message message-error" role="alert">
      <p>{violations.length > 1 ? `${violations.length} faults:` : message}</p>
      {violations.length > 1 && (
        <ul>
          {violations.map(({ field, description }) => (
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
