import type { FieldFault } from './validation/field-fault.ts';

/** Reasons for which a call of the admin API fails. Every other failure is an internal error to the caller. */
export type ApiErrorReason =
  | { readonly kind: 'invalid'; readonly faults: readonly FieldFault[] }
  | {
      readonly kind: 'unauthenticated';
      readonly reason:
        | 'TOKEN_MISSING'
        | 'TOKEN_INVALID'
        | 'CREDENTIALS_INVALID'
        | 'ONE_TIME_TOKEN_INVALID'
        | 'TOTP_REQUIRED'
        | 'TOTP_INVALID';
      /** undefined: that of the reason. */
      readonly message?: string;
    }
  /** `message`: what only administrators can do; undefined: what the method does. */
  | { readonly kind: 'forbidden'; readonly message?: string }
  /** The account of the caller, who has shown who they are. */
  | { readonly kind: 'account_disabled' }
  /** The caller is an administrator without an account in the catalog. */
  | { readonly kind: 'caller_without_account' }
  | { readonly kind: 'registration_closed' }
  | { readonly kind: 'not_found'; readonly name: string }
  | { readonly kind: 'already_exists'; readonly name: string }
  /** Another account has the e-mail address. */
  | { readonly kind: 'email_taken' }
  | { readonly kind: 'conflict'; readonly name: string }
  | {
      readonly kind: 'precondition';
      readonly reason:
        | 'PLAN_IN_USE'
        | 'API_KEY_DISABLED'
        | 'API_KEY_EXPIRED'
        | 'SIGNING_KEY_IN_USE'
        | 'LAST_ADMINISTRATOR'
        | 'TOO_MANY_DEVICES'
        | 'EMAIL_MISSING'
        | 'REGISTRATION_PLAN_MISSING'
        | 'TOTP_ALREADY_ENABLED'
        | 'TOTP_NOT_ENROLLED'
        | 'SIGNING_KEY_SECRET_MISSING'
        | 'WEBHOOK_DISABLED'
        | 'TOO_MANY_WEBHOOKS';
      readonly name: string;
    }
  | { readonly kind: 'unavailable' }
  /** Another call that takes an administrator away has not ended yet. */
  | { readonly kind: 'administrators_locked' }
  | { readonly kind: 'counters_unavailable' }
  /** The node has the role `decision`, which does not offer the method. */
  | { readonly kind: 'not_on_decision_nodes' }
  /** The process that decides. */
  | { readonly kind: 'decisions_unavailable' }
  /** The keys of a token's issuer, or the worker that verifies tokens. */
  | { readonly kind: 'keys_unavailable' }
  /** `max`: the number of keys that the account's plan allows. */
  | { readonly kind: 'too_many_api_keys'; readonly name: string; readonly max: number }
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

/** Says why an account cannot have another API key. `max`: the number of keys that its plan allows. */
export function describeKeyBound(max: number): string {
  return `the plan of the account allows ${max} API ${max === 1 ? 'key' : 'keys'}; delete keys, or change the plan`;
}
