import { ApiError } from '../../domain/api-error.ts';
import type { Admission, CallLimit } from '../../interfaces/call-limit.ts';

/** Limits calls, which need no sign-in. Throws an ApiError for those that are not admitted. */
export async function requireAdmission(calls: CallLimit, method: string, peer: string): Promise<void> {
  const rejection = findRejection(await calls.admit(method, peer));
  if (rejection !== undefined) throw rejection;
}

/** undefined: the call is admitted. */
export function findRejection(admission: Admission): ApiError | undefined {
  if (admission.kind === 'admitted') return undefined;
  if (admission.kind === 'unknown') return new ApiError({ kind: 'counters_unavailable' });
  return new ApiError({ kind: 'too_many_calls', retryAfterSeconds: admission.retryAfterSeconds });
}
