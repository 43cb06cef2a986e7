import type { FieldFault } from './field-fault.ts';

/** Reasons for which a call of the admin API fails. Every other failure is an internal error to the caller. */
export type ApiErrorReason =
  | { readonly kind: 'invalid'; readonly faults: readonly FieldFault[] }
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
  /** The keys of a token's issuer, or the worker that verifies tokens. */
  | { readonly kind: 'keys_unavailable' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'too_many_calls'; readonly retryAfterSeconds: number };

/** Carries an ApiErrorReason out of a handler. The message and the cause are for the log, never for the caller. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly reason: ApiErrorReason;
  constructor(reason: ApiErrorReason, options?: ErrorOptions) {
    super(reason.kind, options);
    this.reason = reason;
  }
}

export function invalidArgument(...faults: readonly FieldFault[]): ApiError {
  return new ApiError({ kind: 'invalid', faults });
}
