import type { Fault } from './limits/limit-spec.ts';

/** Everything that a caller of the admin API can be told went wrong; whatever else happens is an internal error. */
export type ApiErrorReason =
  | { readonly kind: 'invalid'; readonly faults: readonly Fault[] }
  | { readonly kind: 'unauthenticated'; readonly reason: 'TOKEN_MISSING' | 'TOKEN_INVALID' | 'CREDENTIALS_INVALID' }
  | { readonly kind: 'forbidden' }
  | { readonly kind: 'not_found'; readonly name: string }
  | { readonly kind: 'already_exists'; readonly name: string }
  | { readonly kind: 'conflict'; readonly name: string }
  | {
      readonly kind: 'precondition';
      readonly reason: 'PLAN_IN_USE' | 'API_KEY_DISABLED' | 'API_KEY_EXPIRED' | 'SIGNING_KEY_IN_USE';
      readonly name: string;
    }
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'counters_unavailable' }
  /** Of the issuer of a token, or what verifies it. */
  | { readonly kind: 'keys_unavailable' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'too_many_calls'; readonly retryAfterSeconds: number };

/** Carries a problem out of a handler. Its message and cause are for the log, never for the caller. */
export class ApiError extends Error {
  override readonly name = 'ProblemError';
  readonly reason: ApiErrorReason;
  constructor(problem: ApiErrorReason, options?: ErrorOptions) {
    super(problem.kind, options);
    this.reason = problem;
  }
}

export function invalidArgument(...faults: readonly Fault[]): ApiError {
  return new ApiError({ kind: 'invalid', faults });
}
